"""SIGINT, taken once, however badly it comes."""

from __future__ import annotations

import os
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
"""Seconds after which a signal that nothing came of is followed by a poke."""
PAUSE: Final = 0.002
"""Seconds after which it is poked for one that it could not take."""
_POKE: Final = getattr(signal, "SIGURG", signal.SIGINT)  # Windows has no such signal, nor a way to send one
"""Makes the main thread run the handler, and is no interrupt itself. Programs leave it alone, the system ignores it."""
_TAKEN: Final = 0
_NOT_NOW: Final = 255
_OUTCOMES: Final = bytes((_TAKEN, _NOT_NOW))  # no signal has these numbers


def strike() -> None:
    """Interrupt: send SIGINT to the main thread, which it wakes from what it waits for."""
    _send(signal.SIGINT)


def poke() -> None:
    """Have the handler look once more, at what is due. That can be done too often without harm."""
    _send(_POKE)


def _send(signum: signal.Signals) -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signum)


class Sigint:
    """Takes SIGINT while it is installed.

    Python runs the handler between two bytecodes of the main thread: a signal that comes right before a call that
    blocks would be noticed only behind it. So the I/O thread is told of each signal, by Python itself, and of what the
    handler made of it; for one that it did not see, or could not take at that moment, it is poked. A poke is another
    signal, so that it is never taken for an interrupt, nor an interrupt that comes at the same time for a poke.

    Args:
        asked: called in the main thread for each SIGINT, with the interrupted frame.
        decide: called there after it, and for pokes. Returns what to do, or None for "not now".
        later: runs a function after a delay in seconds, in another thread.
        wake: has the main thread run Python code, which a GUI's main loop, waiting, does not. From any thread.
    """

    def __init__(
        self,
        asked: Callable[[FrameType | None], object],
        decide: Callable[[FrameType | None], Callable[[], object] | None],
        later: Callable[[float, Callable[[], None]], object],
        wake: Callable[[], object],
    ) -> None:
        self._asked = asked
        self._decide = decide
        self._later = later
        self._wake = wake
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)  # noqa: FBT003  # socket's signature
        self._write.setblocking(False)  # noqa: FBT003  # as above
        self._unseen: object = None
        """Stands for a signal of which the handler has told nothing yet."""
        self._handling = False
        self._interrupted = False
        """Another one has come in the midst of one."""

    def install(self) -> None:
        """Begin. In the main thread only."""
        self._old = {signum: signal.signal(signum, self._on_signal) for signum in {signal.SIGINT, _POKE}}
        # trio and uvloop have set one of their own by now: what is told here is passed on to it.
        self._old_fd = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)

    def uninstall(self) -> None:
        """End."""
        signal.set_wakeup_fd(self._old_fd)
        for signum, handler in self._old.items():
            signal.signal(signum, handler)
        self._read.close()
        self._write.close()

    def fileno(self) -> int:
        """Readable when there is something for `notice`."""
        return self._read.fileno()

    def notice(self) -> None:
        """See to it that a signal which has come is taken. Called in the I/O thread."""
        told = b""
        with suppress(BlockingIOError):
            told = self._read.recv(4096)
        if (signals := told.translate(None, _OUTCOMES)) and self._old_fd >= 0:
            with suppress(OSError):  # it is full, so that it has woken the loop, or the loop is no more
                os.write(self._old_fd, signals)  # uvloop runs no handler while it waits, unless it is woken
        ours = [byte for byte in told if byte in {signal.SIGINT, _POKE, *_OUTCOMES}]
        if not ours:
            return
        self._unseen = unseen = object() if ours[-1] in {signal.SIGINT, _POKE} else None
        if unseen:
            self._later(_PATIENCE, lambda: poke() if self._unseen is unseen else None)
        elif ours[-1] == _NOT_NOW:
            self._later(PAUSE, poke)
        if ours[-1] != _TAKEN:
            self._wake()

    def _on_signal(self, signum: int, _: object) -> None:
        # Not the frame that is told: matplotlib calls this later, with one that has gone by then.
        frame = sys._getframe(1)
        if signum == signal.SIGINT:
            self._asked(frame)
        if self._handling:
            self._interrupted = True
            self._tell(_NOT_NOW)
            return
        self._handling = True
        self._interrupted = False
        action = self._decide(frame)
        self._tell(_NOT_NOW if action is None else _TAKEN)
        if self._interrupted:  # that was told before
            self._tell(_NOT_NOW)
        self._handling = False
        if action:
            action()

    def _tell(self, outcome: int) -> None:
        with suppress(BlockingIOError):
            self._write.send(bytes([outcome]))
