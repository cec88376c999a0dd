"""One run of a cell: what belongs to it and not to the shell, so that cells can run side by side."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from anyio import CancelScope

from async_kernel.caller import Caller, Pending

if TYPE_CHECKING:
    from collections.abc import Generator


@dataclass(eq=False, slots=True)
class CellRun:
    """A run of a cell."""

    code: str
    """The cell as Python, its magics transformed."""
    execution_count: int
    error: dict[str, Any] | None = None
    """Content of the `error` message that was sent for it."""
    stop_error: BaseException | None = None
    """Why it was stopped from outside; the cell shows this in place of the cancellation."""
    timeout: float = 0
    """Seconds that it may take, 0 for no limit."""
    payload: list[dict[str, Any]] = field(default_factory=list)
    """What its reply asks of the client."""
    scope: CancelScope = field(default_factory=CancelScope)
    caller: Caller = field(default_factory=Caller)
    """Where it runs."""
    ended: Pending[None] = field(default_factory=Pending)
    is_prepared: bool = False
    """Whether what the host does before a cell was done."""

    def stop(self, error: BaseException) -> None:
        """End the run at its next `await`, with `error`. Called from any thread."""
        self.stop_error = error
        self.caller.call_direct(self.scope.cancel)


_run: ContextVar[CellRun | None] = ContextVar("async_kernel_run", default=None)


def current_run() -> CellRun | None:
    """The run that the calling code belongs to, if it is a cell's."""
    return _run.get()


@contextmanager
def run_context(run: CellRun) -> Generator[None]:
    """Let the block, and what it starts, belong to `run`."""
    token = _run.set(run)
    try:
        yield
    finally:
        _run.reset(token)


_may_await: ContextVar[bool] = ContextVar("async_kernel_may_await", default=False)


def take_may_await() -> bool:
    """Whether the code that is being prepared will run in a task, so that magics in it may be awaited.

    That is said once: code that these magics prepare in their turn runs as they choose.
    """
    allowed = _may_await.get()
    _may_await.set(False)
    return allowed


@contextmanager
def awaiting(*, allowed: bool) -> Generator[None]:
    """Say whether the code that the block prepares next may await."""
    token = _may_await.set(allowed)
    try:
        yield
    finally:
        _may_await.reset(token)
