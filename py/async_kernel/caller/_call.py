"""One scheduled call: the function, its arguments and context, and the pending that gets the outcome."""

from __future__ import annotations

import contextvars
import inspect
import weakref
from dataclasses import dataclass
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from async_kernel.caller._backend import LoopEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from async_kernel.caller._backend import EventLoop
    from async_kernel.caller._pending import Owner, Pending


@dataclass(frozen=True, slots=True)
class Running:
    """What a context knows of the call it belongs to. It outlives the call in the tasks that the call starts."""

    owner: Owner
    pending: weakref.ref[Pending[Any]]


running: contextvars.ContextVar[Running | None] = contextvars.ContextVar("async_kernel_running", default=None)


class Call:
    """A function to call in an event loop. `start` it in that loop, once."""

    __slots__ = ("_begun", "args", "context", "function", "is_coroutine", "kwargs", "owner", "pending")

    def __init__(
        self,
        owner: Owner,
        pending: Pending[Any],
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        context: contextvars.Context,
    ) -> None:
        self.owner = owner
        self.pending = pending
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.context = context
        self.is_coroutine = inspect.iscoroutinefunction(function)  # a plain one may yet turn out to return a coroutine
        self._begun = False

    def start(self, loop: EventLoop) -> None:
        """Call the function: a plain one here and now, a coroutine function in a task of its own."""
        try:
            if self.is_coroutine or not self._call_plain(loop):
                loop.spawn(self)
        except LoopEnded as error:
            self.cancelled(str(error))

    def _call_plain(self, loop: EventLoop) -> bool:
        """Call it in its context. `False` when it returned a coroutine, which is left to be run in its place."""
        if not self.begin(_cannot_cancel):
            return True
        try:
            result = self.context.run(loop.run_plain, self.enter)
        except BaseException as error:  # noqa: BLE001 (outer edge: whatever a call raises belongs to its pending)
            self.failed(error)
            return True
        if isinstance(result, CoroutineType):
            self.function, self.args, self.kwargs = _finish, (result,), {}
            return False
        self.returned(result)
        return True

    async def invoke(self) -> Any:
        """Call it in the context of the running task, to its end."""
        result = self.enter()
        return await result if isinstance(result, CoroutineType) else result

    def enter(self) -> Any:
        """Call it in the current context."""
        running.set(Running(self.owner, weakref.ref(self.pending)))
        return self.function(*self.args, **self.kwargs)

    def begin(self, canceller: Callable[[], object]) -> bool:
        """Whether to go on: it was not cancelled before. From here on `canceller` has to end it."""
        if not self._begun:
            self._begun = self.pending._begin(canceller)
            return self._begun
        self.pending._canceller = canceller
        if self.pending.cancelled():
            canceller()
        return True

    def returned(self, result: Any) -> None:
        """It has ended with a result."""
        self.pending._resolve(result, None)

    def failed(self, error: BaseException) -> None:
        """It has ended with an exception. The frames of this package, on top of the traceback, say nothing to users."""
        traceback = error.__traceback__
        while traceback is not None and traceback.tb_frame.f_globals.get("__package__") == __package__:
            traceback = traceback.tb_next
        self.pending._resolve(None, error.with_traceback(traceback))

    def cancelled(self, message: str | None = None) -> None:
        """It has ended by being cancelled."""
        self.pending._resolve_cancelled(message or None)


async def _finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return await coroutine


def _cannot_cancel() -> None:
    """A plain function runs to its end."""
