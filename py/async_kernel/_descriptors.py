"""What is written to file descriptors 1 and 2, by C code and by subprocesses, as output of the cell."""

from __future__ import annotations

import codecs
import faulthandler
import os
import select
import sys
from functools import partial
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from async_kernel._streams import StreamName, StreamRedirect

_CHUNK: Final = 1 << 16
"""Bytes that a pipe holds. Who reads on would do so for ever where a subprocess goes on writing."""
_NUMBERS: Final[dict[StreamName, int]] = {"stdout": 1, "stderr": 2}


class _Pipe:
    """One descriptor, led into a pipe."""

    def __init__(self, name: StreamName) -> None:
        self.name: StreamName = name
        self.number = _NUMBERS[name]
        self.saved = os.dup(self.number)
        self.terminal: TextIO = os.fdopen(os.dup(self.saved), "w", buffering=1, errors="backslashreplace")
        self.end, write = os.pipe()
        os.set_blocking(self.end, False)  # os's signature
        os.dup2(write, self.number)
        os.close(write)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self) -> str:
        """What has been written since, as far as a pipe holds it."""
        try:
            return self._decoder.decode(os.read(self.end, _CHUNK))
        except BlockingIOError:  # nothing
            return ""

    def close(self) -> None:
        os.dup2(self.saved, self.number)
        os.close(self.saved)
        os.close(self.end)
        self.terminal.close()


def _readiness(descriptors: Iterable[int]) -> Callable[[], object]:
    """A function that tells whether one of them is readable, as far as the platform can."""
    for kind in ("epoll", "poll"):  # the first takes half as long
        if make := getattr(select, kind, None):
            poller = make()
            for descriptor in descriptors:
                poller.register(descriptor, select.POLLIN)
            return partial(poller.poll, 0)
    return lambda: True


class Descriptors:
    """Leads descriptors 1 and 2 into the kernel's streams.

    Whoever writes to the streams takes first what the descriptors hold, so that the order is that of the writing; the
    I/O thread takes the rest when it comes. A full pipe waits for that thread, never for a cell.
    """

    def __init__(self, streams: StreamRedirect) -> None:
        self._streams = streams
        self._pipes: list[_Pipe] = []
        self._has_text: Callable[[], object] = lambda: True
        """Whether a pipe has something, asked before each write to the streams: reading them in vain takes longer."""

    def install(self) -> None:
        """Begin."""
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream:
                stream.flush()
        self._pipes = [_Pipe(name) for name in _NUMBERS]
        self._streams.terminal = {pipe.name: pipe.terminal for pipe in self._pipes}
        self._streams.stdout.descriptor, self._streams.stderr.descriptor = _NUMBERS.values()
        # A crash ends the I/O thread too: its text goes where the log goes.
        faulthandler.enable(file=self._streams.terminal["stderr"])
        self._has_text = _readiness(self.ends)
        self._streams.batcher.drain = self._drain

    def uninstall(self) -> None:
        """Let the descriptors be what they were."""
        self._streams.batcher.flush_all()
        self._streams.batcher.drain = lambda: None
        self._streams.terminal = {}
        self._streams.stdout.descriptor = self._streams.stderr.descriptor = None
        faulthandler.disable()
        while self._pipes:
            self._pipes.pop().close()

    @property
    def ends(self) -> list[int]:
        """The descriptors that are readable when there is something for `StreamBatcher.poll`."""
        return [pipe.end for pipe in self._pipes]

    def _drain(self) -> None:
        if not self._has_text():
            return
        for pipe in self._pipes:
            if text := pipe.read():
                self._streams.batcher.hold(pipe.name, text)
