"""SIGINT, taken once, however badly it comes."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_PATIENCE: Final = 0.05
"""Seconds after which a signal that nothing came of is sent again."""
_TAKEN: Final = 0
_NOT_NOW: Final = 1


def strike() -> None:
    """Send SIGINT to the main thread, which it wakes from what it waits for."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


class Sigint:
    """Takes SIGINT while it is installed.

    Python runs the handler between two bytecodes of the main thread: a signal that comes right before a call that
    blocks would be noticed only behind it. So the I/O thread is told of each signal, by Python itself, and of what the
    handler made of it; a signal that it did not see, or could not take at that moment, is sent again.

    Args:
        decide: called in the main thread with the interrupted frame. Returns what to do, or None for "not now".
        later: runs a function after a delay in seconds, in another thread.
        wake: has the main thread run Python code, which a GUI's main loop, waiting, does not. From any thread.
    """

    def __init__(
        self,
        decide: Callable[[FrameType | None], Callable[[], object] | None],
        later: Callable[[float, Callable[[], None]], object],
        wake: Callable[[], object],
    ) -> None:
        self._decide = decide
        self._later = later
        self._wake = wake
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)  # noqa: FBT003  # socket's signature
        self._write.setblocking(False)  # noqa: FBT003  # as above
        self._unseen: object = None
        """Stands for a signal of which the handler has told nothing yet."""
        self._handling = False

    def install(self) -> None:
        """Begin. In the main thread only."""
        self._old = signal.signal(signal.SIGINT, self._on_signal)
        # trio has set one of its own by now; it does without, as the handler wakes the loop.
        self._old_fd = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)

    def uninstall(self) -> None:
        """End."""
        signal.set_wakeup_fd(self._old_fd)
        signal.signal(signal.SIGINT, self._old)
        self._read.close()
        self._write.close()

    def fileno(self) -> int:
        """Readable when there is something for `notice`."""
        return self._read.fileno()

    def notice(self) -> None:
        """See to it that a signal which has come is taken. Called in the I/O thread."""
        with suppress(BlockingIOError):
            last = self._read.recv(4096)[-1]
            self._unseen = unseen = object() if last == signal.SIGINT else None
            if unseen:
                self._later(_PATIENCE, lambda: strike() if self._unseen is unseen else None)
            elif last == _NOT_NOW:
                strike()
            if last != _TAKEN:
                self._wake()

    def _on_signal(self, *_: object) -> None:
        if self._handling:  # a second one, in the midst of the first
            self._tell(_NOT_NOW)
            return
        self._handling = True
        # Not the frame that is told: matplotlib calls this later, with one that has gone by then.
        action = self._decide(sys._getframe(1))
        self._tell(_NOT_NOW if action is None else _TAKEN)
        self._handling = False
        if action:
            action()

    def _tell(self, outcome: int) -> None:
        with suppress(BlockingIOError):
            self._write.send(bytes([outcome]))
