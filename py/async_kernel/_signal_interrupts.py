"""What an interrupt does, depending on where it finds the main thread."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn

from async_kernel._errors import CallerStopped
from async_kernel._interrupt import DiscardedInterrupts, Place, place
from async_kernel._sigint import PAUSE, Sigint, poke
from async_kernel.caller._host import current_host
from async_kernel.shell._run import current_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from async_kernel.caller import Pending
    from async_kernel.interface import BaseInterface
    from async_kernel.shell._run import CellRun

_PATIENCE: Final = 0.2
"""Seconds that the event loop has to turn before what keeps it from turning is broken off."""
_TURNS: Final = 3
"""Turns of the event loop in which what was started before still begins: a cell goes on up to its next `await`, and
trio begins tasks even of a cancelled scope, in any order.
"""
_DELAY: Final = 0.5
"""Seconds that an interrupt waits for a better moment."""


class Interrupts:
    """Stops cells on SIGINT, wherever they are.

    Args:
        interface: whose cells.
    """

    def __init__(self, interface: BaseInterface) -> None:
        self._interface = interface
        self._due = False
        """An interrupt has come, and nothing has been done about it."""
        self._meant: list[CellRun] = []
        """What ran when it came."""
        self._turning: Pending[Any] | None = None
        """Done once the event loop has turned, which is insisted on."""
        self._postponed: float | None = None
        """Since when what is to be done has been put off."""
        self._forks: list[None] = []
        """Not empty while the process is being forked: the hooks for that hold a lock, and Python throws away what they
        raise.
        """
        self._host = current_host()
        self.sigint = Sigint(self._ask, self._decide, self._later, self._wake)
        self._discarded = DiscardedInterrupts([_raise_interrupt], self._raise_again)

    def install(self) -> None:
        """Begin. In the main thread only."""
        self.sigint.install()
        self._discarded.install()

    def spare_forks(self) -> None:
        """Put off what comes while the process is being forked: from before to behind the hooks that exist so far."""
        if hasattr(os, "register_at_fork"):
            # What registers last is called first before, and last behind. No handler runs inside such functions of C.
            end = self._forks.clear
            os.register_at_fork(before=partial(self._forks.append, None), after_in_parent=end, after_in_child=end)

    def uninstall(self) -> None:
        """End."""
        self._discarded.uninstall()
        self.sigint.uninstall()

    def _raise_again(self) -> None:
        self._due = True
        self._later(PAUSE, poke)

    def _later(self, delay: float, function: Callable[[], None]) -> None:
        with suppress(CallerStopped):  # the kernel ends, and with it the cells
            self._interface.callers["control"].call_later(delay, function)

    def _wake(self) -> None:
        if self._host:
            self._host.run_soon_threadsafe(_nothing)

    def _ask(self, frame: FrameType | None) -> None:
        self._interface.last_interrupt_frame = frame
        self._due = True
        self._meant = list(self._interface.kernel.main_shell.runs) if self._interface.started.done() else []

    def _decide(self, frame: FrameType | None) -> Callable[[], object] | None:
        """What to do about a signal that finds the main thread at `frame`; None for not now."""
        insists = self._turning is not None and not self._turning.done()
        if not (self._due or insists):
            return _nothing  # it was a poke, and has been seen to
        at, run = place(frame), current_run()
        if not self._is_to_stop(at, run):
            self._settle()
            return _nothing
        if self._forks or (at.fragile and self._may_wait()):
            return None
        due = self._due
        self._settle()
        if at.kind in {"cell", "callback"}:
            return partial(self._raise_at, at, alone=at.kind == "cell" or not due)
        if at.kind == "task" and _breaks_off(run, due=due):
            return partial(self._break_off, run, alone=due)
        # By way of another thread: this one may be waiting in its selector, and would not notice.
        return self._stop_soon if due else _nothing

    def _is_to_stop(self, at: Place, run: CellRun | None) -> bool:
        """Whether what runs at that place is what is to be stopped."""
        if self._due and self._meant and not any(map(_runs, self._meant)):
            return False  # a command that got it too has ended the cell before
        if at.kind == "callback":
            return True
        if at.kind != "cell":  # before the start and behind the end there are no cells
            return self._interface.started.done() and not self._interface.stopping.done()
        # Insisting is not for another cell, nor for one that has been stopped and cleans up.
        return self._due or bool(run and run.stop_error and not run.scope.cancel_called)

    def _may_wait(self) -> bool:
        now = time.monotonic()
        self._postponed = self._postponed or now
        return now < self._postponed + _DELAY

    def _settle(self) -> None:
        self._due, self._turning, self._postponed = False, None, None

    def checkpoint(self) -> None:
        """Raise an interrupt that was put off because output was being sent. Called when that is done."""
        if not self._due or self._forks or threading.current_thread() is not threading.main_thread():
            return
        if place(sys._getframe()).kind == "cell":
            self._settle()
            _raise_interrupt()

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
        """Stop cells in their event loop, and insist until it turns."""
        for run in self._meant:
            if _runs(run):
                run.stop(KeyboardInterrupt())
        with suppress(CallerStopped):  # the kernel ends
            for _ in range(_TURNS):
                await self._insist(self._interface.callers["shell"].call_soon(_nothing))

    async def _insist(self, turned: Pending[Any]) -> None:
        """Break off what keeps the event loop from turning."""
        while not turned.done():
            with suppress(TimeoutError):
                await turned.wait(timeout=_PATIENCE, protect=True, result=False)
            if not turned.done():
                self._turning = turned
                poke()


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


def _breaks_off(run: CellRun | None, *, due: bool) -> bool:
    """Whether a task is broken off: of a cell that is to be stopped, or what keeps the loop, unless it cleans up."""
    error = sys.exc_info()[1]
    return _runs(run) if due else error is None or isinstance(error, Exception)


def _nothing() -> None:
    """It is being taken care of."""


def _raise_interrupt() -> NoReturn:
    raise KeyboardInterrupt
