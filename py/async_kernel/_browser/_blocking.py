"""Without JSPI: a Python stack that waits keeps the event loop waiting too, but can ask the page."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from async_kernel._browser._listening import Listening
from async_kernel.shell._run import current_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import FrameType

    from async_kernel._interrupt import Place
    from async_kernel.interface import BaseInterface
    from async_kernel.shell._run import CellRun

T = TypeVar("T")

_RETRY: Final = 5
"""Milliseconds until an interrupt that came at a bad moment is tried again."""
_CLEANUP: Final = 500
"""Milliseconds that a task that was ended has to clean up, before that is ended too."""


class Blocking(Listening):
    """Cells hear interrupts and answers to `input`, and their output is shown; messages wait for the event loop."""

    def __init__(self, interface: BaseInterface, listening: Any, send: Callable[[str, Any], None]) -> None:
        super().__init__(interface)
        self._listening = listening
        self._send = send
        self._sleep = time.sleep
        self._meant: list[CellRun] | None = None
        """The runs for which an interrupt is there until the event loop has turned."""

    def _raisers(self) -> Iterable[Callable[..., object]]:
        return self._raise, self.ask

    def on_signal(self, frame: FrameType | None) -> None:
        self._listening.rest(_RETRY)
        if at := self._interruptible(frame):
            self.interface.streams.batcher.flush_overdue(frame)
            if self._listening.interrupted() or self._takes_missed():
                self.interface.last_interrupt_frame = frame
                self._raise(at)

    def attend(self) -> None:
        if self._meant is not None and current_run() not in self._meant:
            self._take()  # what begins now was asked for behind the interrupt
        self._listening.attend()

    def _raise(self, at: Place) -> NoReturn:
        if at.kind == "cell":
            self._take()
            raise KeyboardInterrupt
        # Not taken: the interrupt_request, once it is received, stops the others.
        self._listening.rest(_CLEANUP)
        if (run := current_run()) and not run.ended.done():
            run.stop(KeyboardInterrupt())
        raise asyncio.CancelledError

    def interrupt(self) -> None:
        if self._listening.interrupted():  # otherwise it was taken, before its message could be received
            # Tasks that are about to run may block: it is there for them too, but not for a cell that cleans up.
            self._meant = list(self.interface.kernel.main_shell.runs)
            asyncio.get_running_loop().call_soon(self._end)
            self._stop_runs()

    def _end(self) -> None:
        if self._meant is not None:
            self._take()

    def _take(self) -> None:
        self._meant = None
        self._listening.taken()

    def _check(self) -> None:
        """Raise an interrupt that has come."""
        if self._listening.interrupted() and (at := self._interruptible(_caller())):
            self._raise(at)

    def sleep(self, seconds: float) -> None:
        self.interface.streams.batcher.flush_all()  # no timer will
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            self._listening.sleep(1000 * left)
            self._check()
            if self._listening.interrupted():  # it could not be raised here, and would end each sleep at once
                self._sleep(min(left, _RETRY / 1000))

    def ask(self, msg_json: str, msg_id: str) -> str:
        self._send(msg_json, None)
        reply: str | None = self._listening.input(msg_id)
        if reply is None:
            self._check()
            raise KeyboardInterrupt
        return reply

    def wait(self, awaitable: Awaitable[T]) -> T:
        if asyncio.iscoroutine(awaitable):
            awaitable.close()  # it will not be awaited
        msg = "this browser cannot switch stacks (JSPI): await it instead"
        raise RuntimeError(msg)


def _caller() -> FrameType | None:
    """The frame that called into the kernel."""
    frame: FrameType | None = sys._getframe()
    while frame and str(frame.f_globals.get("__name__", "")).startswith("async_kernel."):
        frame = frame.f_back
    return frame
