"""What an interrupt does, depending on where it finds the main thread."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

from async_kernel._errors import CallerStopped
from async_kernel._interrupt import place
from async_kernel.shell._run import current_run

from async_kernel_zmq._sigint import Sigint, strike

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from async_kernel.interface import BaseInterface
    from async_kernel.shell._run import CellRun

_PATIENCE: Final = 0.2
"""Seconds that the event loop has to turn before what keeps it from turning is broken off."""


class Interrupts:
    """Stops cells on SIGINT, wherever they are.

    Args:
        interface: whose cells.
        stop_cells: stops those that await, by way of their event loops.
    """

    def __init__(self, interface: BaseInterface, stop_cells: Callable[[], None]) -> None:
        self._interface = interface
        self._stop_cells = stop_cells
        self._is_blocked = False
        self.sigint = Sigint(self._decide, self._later)

    def _later(self, delay: float, function: Callable[[], None]) -> None:
        with suppress(CallerStopped):  # the kernel ends, and with it the cells
            self._interface.callers["control"].call_later(delay, function)

    def _decide(self, frame: FrameType | None) -> Callable[[], object] | None:
        """What to do about an interrupt of the main thread at `frame`; None for not now."""
        self._interface.last_interrupt_frame = frame
        where = place(frame)
        if where == "cell":
            return _raise_interrupt
        if self._interface.stopping.done() or not self._interface.started.done():
            return lambda: None  # there are no cells
        if where == "busy":
            return None
        run = current_run()
        if where == "task" and (self._is_blocked or _runs(run)):
            return lambda: self._break_off(run)
        # By way of another thread: this one may be waiting in its selector, and would not notice.
        return lambda: self._interface.callers["control"].call_soon(self._stop_awaiting)

    def _break_off(self, run: CellRun | None) -> NoReturn:
        """End the task that keeps the event loop, with what a task may raise, and its cell."""
        if run and _runs(run):
            run.stop_error = KeyboardInterrupt()
            run.scope.cancel()
        if self._interface.callers["shell"].backend == "asyncio":
            raise asyncio.CancelledError  # a KeyboardInterrupt would end the loop
        raise KeyboardInterrupt

    async def _stop_awaiting(self) -> None:
        self._stop_cells()
        turned = self._interface.callers["shell"].call_soon(lambda: None)
        while not turned.done():
            with suppress(TimeoutError):
                await turned.wait(timeout=_PATIENCE, protect=True, result=False)
            self._is_blocked = not turned.done()
            if self._is_blocked:
                strike()


def _runs(run: CellRun | None) -> bool:
    return run is not None and not run.ended.done()


def _raise_interrupt() -> NoReturn:
    raise KeyboardInterrupt
