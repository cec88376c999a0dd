"""How a cell that computes, sleeps or waits for input hears from the page: one contract, a strategy for each way."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, TypeVar

from async_kernel._interrupt import DiscardedInterrupts, Place, module_of, place
from async_kernel.shell._run import CellRun, current_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import FrameType

    from async_kernel.interface import BaseInterface

T = TypeVar("T")

_HOLDERS: Final = ("threading", "queue", "logging", "importlib")
"""Modules that hold locks: nothing else may run, or be raised, in their midst."""
_HELPERS: Final = ("pyodide", "_pyodide")
"""Packages that work for their callers, as the standard library does."""
_PATIENCE: Final = 0.5
"""Seconds that IPython may take for itself, to load a magic or make a traceback, before it is treated as user code."""


class Listening(ABC):
    """What needs a Python stack that blocks to hear from the page.

    Args:
        interface: whose cells.
    """

    def __init__(self, interface: BaseInterface) -> None:
        self.interface = interface
        self._ipython_since: float | None = None
        self._missed: CellRun | None = None
        """The run whose interrupt Python has thrown away."""
        DiscardedInterrupts(self._raisers(), self._miss).install()

    def _raisers(self) -> Iterable[Callable[..., object]]:
        """The methods that raise interrupts."""
        return ()

    def _miss(self) -> None:
        self._missed = current_run()

    def _takes_missed(self) -> bool:
        """Whether an interrupt was thrown away that is for the code that runs. Tells it once."""
        missed, self._missed = self._missed, None
        return missed is not None and missed is current_run()

    can_wait: bool = False
    """Whether `wait` works: the event loop goes on while a stack waits."""

    @abstractmethod
    def on_signal(self, frame: FrameType | None) -> None:
        """Called now and then while Python computes, with what it runs, between two of its steps."""

    @abstractmethod
    def attend(self) -> None:
        """A user's code begins, with steps that may be slow ones: be called soon."""

    @abstractmethod
    def interrupt(self) -> None:
        """Stop the cells that run: what an `interrupt_request` does."""

    @abstractmethod
    def sleep(self, seconds: float) -> None:
        """`time.sleep`.

        Raises:
            KeyboardInterrupt: the stop button was pressed.
        """

    @abstractmethod
    def ask(self, msg_json: str, msg_id: str) -> str:
        """Send an `input_request` and return the `input_reply`, both as JSON.

        Raises:
            StdinNotImplementedError: there is no way to wait for it.
            KeyboardInterrupt: the stop button was pressed.
        """

    @abstractmethod
    def wait(self, awaitable: Awaitable[T]) -> T:
        """Wait in place: the calling stack stops here while the event loop, and all other code, goes on.

        Raises:
            RuntimeError: stacks cannot be switched, in this browser or in this call; the error says why.
            KeyboardInterrupt: the stop button was pressed.
        """

    def run(self, main: Awaitable[T]) -> T:
        """`asyncio.run`: `wait`, and an interrupt lets `main` end first.

        Raises:
            RuntimeError, KeyboardInterrupt: as for `wait`.
        """
        return self.wait(main)

    def _interruptible(self, frame: FrameType | None) -> Place | None:
        """The place of a frame, if it is user code in which other code may run and exceptions be raised."""
        at = place(frame)
        if frame is None or at.kind == "kernel" or at.fragile or _package(frame) in _HOLDERS:
            return None
        worker = _worker(frame)
        if worker == "async_kernel":
            return None
        now = time.monotonic()
        if worker != "IPython":
            self._ipython_since = None
        elif self._ipython_since is None:
            self._ipython_since = now
        return None if self._ipython_since and now - self._ipython_since < _PATIENCE else at

    def _stop_runs(self) -> None:
        """Stop the cells that await."""
        for run in list(self.interface.kernel.main_shell.runs):
            run.stop(KeyboardInterrupt())


def _worker(frame: FrameType | None) -> str:
    """The package for which a frame works: the innermost that is not the standard library's or a helper."""
    while frame and ((package := _package(frame)) in sys.stdlib_module_names or package in _HELPERS):
        frame = frame.f_back
    return _package(frame) if frame else ""


def _package(frame: FrameType) -> str:
    return module_of(frame).partition(".")[0]
