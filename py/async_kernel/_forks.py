"""Processes that cells fork, as `multiprocessing` does: what they print arrives, and the sockets stay the kernel's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from async_kernel._streams import OutStream
    from async_kernel.interface import BaseInterface


class Forks:
    """Cuts each forked process off the kernel's clients, but for the descriptors 1 and 2.

    Python's hooks for forks stay for ever: they do nothing once it is uninstalled.

    Args:
        interface: the kernel's.
        disconnect: called in the forked process.
    """

    def __init__(self, interface: BaseInterface, disconnect: Callable[[], None]) -> None:
        self._interface = interface
        self._disconnect = disconnect
        self._installed = False
        self._held = False

    def install(self) -> None:
        """Begin. Descriptors 1 and 2 lead to the kernel, and go on doing so."""
        self._installed = True
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before, after_in_parent=self._release, after_in_child=self._cut_off)

    def uninstall(self) -> None:
        """End."""
        self._installed = False

    def _before(self) -> None:
        # A lock that another thread holds would never be free in the forked process.
        if self._installed:
            self._interface.iopub.lock.acquire()
            self._held = True

    def _release(self) -> None:
        if self._held:
            self._held = False
            self._interface.iopub.lock.release()

    def _cut_off(self) -> None:
        if self._installed:
            streams = self._interface.streams
            streams.batcher.divert({"stdout": _writer(streams.stdout), "stderr": _writer(streams.stderr)})
            self._disconnect()
        self._release()


def _writer(stream: OutStream) -> TextIO:
    """Writes lines to the descriptor of a stream."""
    return open(stream.fileno(), "w", buffering=1, encoding=stream.encoding, errors=stream.errors, closefd=False)
