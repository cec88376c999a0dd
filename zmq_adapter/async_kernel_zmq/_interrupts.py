"""What an interrupt does, depending on where it finds the main thread."""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

from async_kernel._errors import CallerStopped
from async_kernel._interrupt import Place, place
from async_kernel.caller._host import current_host
from async_kernel.shell._run import current_run

from async_kernel_zmq._sigint import Sigint, strike

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from async_kernel.interface import BaseInterface
    from async_kernel.shell._run import CellRun

_PATIENCE: Final = 0.2
"""Seconds that the event loop has to turn before what keeps it from turning is broken off."""
_ATTEMPTS: Final = 100
"""How often an interrupt waits for a better moment: for about half a second in sum."""


class Interrupts:
    """Stops cells on SIGINT, wherever they are.

    Args:
        interface: whose cells.
        stop_cells: stops those that await, by way of their event loops.
    """

    def __init__(self, interface: BaseInterface, stop_cells: Callable[[], None]) -> None:
        self._interface = interface
        self._stop_cells = stop_cells
        self._insists = False
        """The next signal is of our own."""
        self._postponed = 0
        """How often the interrupt that is due has been put off."""
        self._host = current_host()
        self.sigint = Sigint(self._decide, self._later, self._wake)

    def _later(self, delay: float, function: Callable[[], None]) -> None:
        with suppress(CallerStopped):  # the kernel ends, and with it the cells
            self._interface.callers["control"].call_later(delay, function)

    def _wake(self) -> None:
        if self._host:
            self._host.run_soon_threadsafe(_nothing)

    def _decide(self, frame: FrameType | None) -> Callable[[], object] | None:
        """What to do about a signal that finds the main thread at `frame`; None for not now."""
        self._interface.last_interrupt_frame = frame
        action = self._action(place(frame), current_run())
        if action is None:
            self._postponed += 1
        else:
            self._postponed, self._insists = 0, False
        return action

    def checkpoint(self) -> None:
        """Raise an interrupt that was put off because output was being sent. Called when that is done."""
        if not self._postponed or threading.current_thread() is not threading.main_thread():
            return
        if place(sys._getframe()).kind == "cell":
            self._postponed, self._insists = 0, True
            _raise_interrupt()

    def _action(self, at: Place, run: CellRun | None) -> Callable[[], object] | None:
        if at.kind == "cell":
            if self._insists and not (run and run.stop_error and not run.scope.cancel_called):
                return _nothing  # it is another one, or has been stopped and cleans up
        elif at.kind != "callback" and (self._interface.stopping.done() or not self._interface.started.done()):
            return _nothing  # there are no cells
        if at.fragile and self._postponed < _ATTEMPTS:
            return None
        if at.kind in {"cell", "callback"}:
            return partial(self._raise_at, at, alone=at.kind == "cell" or self._insists)
        if at.kind == "task" and (self._insists or _runs(run)):
            return partial(self._break_off, run, alone=not self._insists)
        # By way of another thread: this one may be waiting in its selector, and would not notice.
        return _nothing if self._insists else self._stop_soon

    def _raise_at(self, at: Place, *, alone: bool) -> None:
        """Raise the interrupt in the code that runs. Where that waits in a loop of a toolkit, end the loop first."""
        if not alone:
            self._stop_soon()
        if at.nested is None:
            _raise_interrupt()
        assert self._host
        _raise_when_resumed(at.nested, self._host.nested_left)
        self._host.leave_nested()

    def _break_off(self, run: CellRun | None, *, alone: bool) -> NoReturn:
        """End the task that keeps the event loop, with what a task may raise, and its cell."""
        if run and _runs(run):
            run.stop_error = KeyboardInterrupt()
            run.scope.cancel()
        if alone:
            self._stop_soon()  # other cells, and tasks that block after this one
        if self._interface.callers["shell"].backend == "asyncio":
            raise asyncio.CancelledError  # a KeyboardInterrupt would end the loop
        raise KeyboardInterrupt

    def _stop_soon(self) -> None:
        self._interface.callers["control"].call_soon(self._stop_awaiting)

    async def _stop_awaiting(self) -> None:
        """Stop cells in their event loop, and insist until it has turned."""
        self._stop_cells()
        turned = self._interface.callers["shell"].call_soon(_nothing)
        while not turned.done():
            with suppress(TimeoutError):
                await turned.wait(timeout=_PATIENCE, protect=True, result=False)
            if not turned.done():
                self._insists = True
                strike()


def _raise_when_resumed(frame: FrameType, resumed: Callable[[], object]) -> None:
    """Raise the interrupt in a frame as soon as what it has called returns or raises: as a debugger, for a moment."""
    before = sys.gettrace()

    def trace(*_: object) -> NoReturn:
        frame.f_trace = None
        sys.settrace(None if before is _trace_nothing else before)
        resumed()
        _raise_interrupt()

    frame.f_trace = trace
    sys.settrace(_trace_nothing)


def _trace_nothing(*_: object) -> None:
    """Trace no new frame."""


def _runs(run: CellRun | None) -> bool:
    return run is not None and not run.ended.done()


def _nothing() -> None:
    """It is being taken care of."""


def _raise_interrupt() -> NoReturn:
    raise KeyboardInterrupt
