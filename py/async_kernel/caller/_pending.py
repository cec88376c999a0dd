"""`Pending`: a result to come.

There are no locks here. What must happen once (start, finish) is claimed by taking a token out of a set, which is one
atomic step. In Pyodide a signal handler gives the event loop a turn in the middle of any call, in the same thread: a
lock held there would never be released.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, cast, overload

from async_kernel._errors import PendingCancelled, PendingDone, PendingError, PendingNotDone
from async_kernel._platform import HAS_THREADS
from async_kernel.caller._backend import new_waiter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

T = TypeVar("T")

log = logging.getLogger("async_kernel.caller")

_START = "start"
_FINISH = "finish"


class Owner(Protocol):
    """Who runs the call that a pending is the result of."""

    @property
    def thread_id(self) -> int | None:
        """The identifier of the thread that the call runs in."""


class _ContextCallback:
    """A function of the user, called in the context it was added in."""

    __slots__ = ("context", "function")

    def __init__(self, function: Callable[[Pending[Any]], object]) -> None:
        self.function = function
        self.context = contextvars.copy_context()

    def __call__(self, pending: Pending[Any]) -> None:
        try:
            self.context.run(self.function, pending)
        except Exception:  # outer edge: the code that finished the pending is not to blame
            log.exception("A done callback of %r failed: %r", pending, self.function)


class Pending(Generic[T]):
    """A result to come, awaitable from any thread and from asyncio and trio alike.

    `Caller` returns one for each call. Made by hand, it is a thread-safe future: someone calls `set_result` or
    `set_exception`, once.

    Args:
        metadata: anything that the maker wants to say about it, kept in `metadata`.
    """

    __slots__ = (
        "__weakref__",
        "_callbacks",
        "_cancelled",
        "_canceller",
        "_claims",
        "_exception",
        "_message",
        "_owner",
        "_resolved",
        "_seen",
        "_traceback",
        "_value",
        "metadata",
    )

    def __init__(self, **metadata: Any) -> None:
        self.metadata = metadata
        self._claims = {_START, _FINISH}
        self._callbacks: deque[Callable[[Pending[Any]], object]] = deque()
        self._canceller: Callable[[], object] | None = None
        self._owner: Owner | None = None
        self._cancelled = False
        self._message: str | None = None
        self._resolved = False
        self._value: T | None = None
        self._exception: BaseException | None = None
        self._traceback: TracebackType | None = None
        self._seen = False

    def __repr__(self) -> str:
        if not self._resolved:
            state = "cancelling" if self._cancelled else "pending"
        elif self._cancelled:
            state = "cancelled"
        else:
            state = "done" if self._exception is None else f"failed: {self._exception!r}"
        metadata = "".join(f" {key}={value!r}" for key, value in self.metadata.items())
        return f"<Pending {state}{metadata} at {id(self):#x}>"

    def __del__(self) -> None:
        if self._exception is not None and not self._seen and not self._cancelled:
            error = (type(self._exception), self._exception, self._traceback)
            log.error("An exception was never looked at: %r", self, exc_info=error)

    # Waiting

    def __await__(self) -> Generator[Any, Any, T]:
        return self.wait().__await__()

    @overload
    async def wait(self, *, timeout: float | None = ..., protect: bool = ..., result: Literal[True] = ...) -> T: ...

    @overload
    async def wait(self, *, timeout: float | None = ..., protect: bool = ..., result: Literal[False]) -> None: ...

    async def wait(self, *, timeout: float | None = None, protect: bool = False, result: bool = True) -> T | None:
        """Wait until it is done.

        Args:
            timeout: seconds to wait at most, `None` for as long as it takes.
            protect: leave it running when the waiting task is cancelled or the time is up; otherwise it is cancelled.
            result: return the result or raise the exception; otherwise just wait and return `None`.

        Raises:
            TimeoutError: the time was up first.
            PendingCancelled: it was cancelled (with `result`).
            RuntimeError: no event loop runs in this thread.
        """
        if not self._resolved:
            waiter = new_waiter()
            self._add_callback(waiter.wake)
            in_time = False
            try:
                await waiter.wait(timeout)
                in_time = self._resolved
            finally:
                if not in_time:
                    self._give_up(waiter.wake, protect)
            if not in_time:
                raise TimeoutError(self._late(timeout))
        return self.result() if result else None

    @overload
    def wait_sync(self, *, timeout: float | None = ..., protect: bool = ..., result: Literal[True] = ...) -> T: ...

    @overload
    def wait_sync(self, *, timeout: float | None = ..., protect: bool = ..., result: Literal[False]) -> None: ...

    def wait_sync(self, *, timeout: float | None = None, protect: bool = False, result: bool = True) -> T | None:
        """Block this thread until it is done. The arguments are those of `wait`.

        Raises:
            RuntimeError: it would never be done, as the thread that is to produce the result is this one.
            TimeoutError: the time was up first.
            PendingCancelled: it was cancelled (with `result`).
        """
        if not self._resolved:
            self._refuse_deadlock()
            gate = threading.Lock()
            gate.acquire()

            def open_gate(_: Pending[Any]) -> None:
                gate.release()

            self._add_callback(open_gate)
            in_time = False
            try:
                in_time = gate.acquire(timeout=-1 if timeout is None else timeout)
            finally:
                if not in_time:
                    self._give_up(open_gate, protect)
            if not in_time:
                raise TimeoutError(self._late(timeout))
        return self.result() if result else None

    async def cancel_wait(self, msg: str | None = None, *, timeout: float | None = None) -> None:
        """Cancel it, and wait until its call has ended.

        Args:
            msg: why, for the `PendingCancelled` that others get.
            timeout: seconds to wait at most, `None` for as long as it takes.

        Raises:
            TimeoutError: the call has not ended in time.
        """
        self.cancel(msg)
        await self.wait(timeout=timeout, protect=True, result=False)

    def _refuse_deadlock(self) -> None:
        if not HAS_THREADS:
            msg = f"{self!r} would never be done: there are no threads here, and waiting blocks the only one. Await it."
            raise RuntimeError(msg)
        if self._owner is not None and self._owner.thread_id == threading.get_ident():
            msg = f"{self!r} would never be done: its call runs in this thread, which would be blocked. Await it."
            raise RuntimeError(msg)

    def _give_up(self, callback: Callable[[Pending[Any]], object], protect: bool) -> None:
        self._drop_callback(callback)
        if not protect:
            self.cancel("Whoever waited for it was cancelled, or the time was up.")

    def _late(self, timeout: float | None) -> str:
        return f"{self!r} was not done within {timeout} s."

    # The outcome

    def done(self) -> bool:
        """Whether there is a result or an exception, or it was cancelled and its call has ended."""
        return self._resolved

    def cancelled(self) -> bool:
        """Whether it was cancelled. Until `done`, its call may still be cleaning up."""
        return self._cancelled

    def result(self) -> T:
        """The result.

        Raises:
            PendingNotDone: there is none yet.
            PendingCancelled: it was cancelled.
            BaseException: what was raised instead of a result.
        """
        try:
            error = self._error()
            if error is not None:
                raise error.with_traceback(None if self._cancelled else self._traceback)
            return cast("T", self._value)
        finally:
            error = None
            del self  # the traceback of what is raised holds this frame

    def exception(self) -> BaseException | None:
        """What was raised instead of a result, `None` if there is a result.

        Raises:
            PendingNotDone: there is neither yet.
            PendingCancelled: it was cancelled.
        """
        error = self._error()
        if isinstance(error, PendingCancelled):
            raise error
        return error

    def _error(self) -> BaseException | None:
        if not self._resolved:
            msg = f"{self!r} has no result yet. Await it, or call wait_sync from another thread."
            raise PendingNotDone(msg)
        self._seen = True
        if not self._cancelled:
            return self._exception
        error = PendingCancelled(self._message or "It was cancelled.")
        error.__cause__ = self._exception
        return error

    def set_result(self, value: T) -> None:
        """Give the result. Once it was cancelled this does nothing: nobody waits for it any more.

        Raises:
            PendingDone: it has a result or an exception already.
            PendingError: it is the result of a call, which alone gives it.
        """
        self._give(value, None)

    def set_exception(self, exception: BaseException) -> None:
        """Give an exception to be raised in place of a result. `PendingCancelled` cancels it.

        Raises:
            PendingDone: it has a result or an exception already.
            PendingError: it is the result of a call, which alone gives it.
        """
        self._give(None, exception)

    def _give(self, value: T | None, exception: BaseException | None) -> None:
        if self._owner is not None:
            msg = f"{self!r} is the result of a call, which alone sets it. To end it early, cancel it."
            raise PendingError(msg)
        if not self._resolve(value, exception) and not self._cancelled:
            msg = f"{self!r} has a result or an exception already."
            raise PendingDone(msg)

    def _resolve(self, value: T | None, exception: BaseException | None) -> bool:
        """Settle the outcome, unless it is settled: then `False`. From any thread."""
        if not self._claim(_FINISH):
            return False
        if isinstance(exception, PendingCancelled) and not self._cancelled:
            self._message = str(exception)
            self._cancelled = True
            exception = exception.__cause__
        if exception is not None:
            self._exception = exception
            self._traceback = exception.__traceback__
        elif not self._cancelled:
            self._value = value
        self._resolved = True
        self._canceller = None
        self._run_callbacks()
        return True

    def _resolve_cancelled(self, msg: str | None = None) -> None:
        """Settle it as cancelled, unless it is settled."""
        if not self._cancelled:
            self._message = msg
            self._cancelled = True
        self._resolve(None, None)

    # Cancelling

    def cancel(self, msg: str | None = None) -> bool:
        """Cancel it, from any thread. What is running gets the cancellation of its backend, at its next await.

        This cannot be undone: a call that goes on nevertheless has its result dropped. A plain function that is
        running goes on to its end. It is done when its call has ended.

        Args:
            msg: why, for the `PendingCancelled` that others get.

        Returns:
            `False` if it had ended before, and not by being cancelled.
        """
        if self._resolved or (not self._cancelled and _FINISH not in self._claims):
            return self._cancelled
        if not self._cancelled:
            self._message = msg
            self._cancelled = True
        if self._claim(_START):
            self._resolve(None, None)
        elif (canceller := self._canceller) is not None:
            canceller()
        return True

    def _begin(self, canceller: Callable[[], object]) -> bool:
        """Whether the call may start. From here on `canceller`, callable from any thread, has to end it."""
        self._canceller = canceller
        if self._claim(_START):
            return True
        self._canceller = None
        return False

    def _claim(self, token: str) -> bool:
        try:
            self._claims.remove(token)
        except KeyError:
            return False
        return True

    # Callbacks

    def add_done_callback(self, function: Callable[[Pending[T]], object]) -> None:
        """Call `function(pending)` when it is done, at once if it is.

        It is called in the thread that finishes it, with the contextvars of here and now. What it raises is logged.
        """
        self._add_callback(_ContextCallback(function))

    def remove_done_callback(self, function: Callable[[Pending[T]], object]) -> int:
        """Take back every `add_done_callback(function)`. Returns how many there were."""
        removed = 0
        for callback in list(self._callbacks):
            if isinstance(callback, _ContextCallback) and callback.function == function:
                removed += self._drop_callback(callback)
        return removed

    def _add_callback(self, callback: Callable[[Pending[Any]], object]) -> None:
        self._callbacks.append(callback)
        if self._resolved:  # before, or between: each callback is taken out once
            self._run_callbacks()

    def _drop_callback(self, callback: Callable[[Pending[Any]], object]) -> bool:
        try:
            self._callbacks.remove(callback)
        except ValueError:
            return False
        return True

    def _run_callbacks(self) -> None:
        while True:
            try:
                callback = self._callbacks.popleft()
            except IndexError:
                return
            callback(self)
