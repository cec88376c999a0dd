"""`Scheduler`: the calls that one can make on a caller."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from async_kernel.caller import _collect
from async_kernel.caller._call import Call
from async_kernel.caller._claim import Claim
from async_kernel.caller._executor import Executor
from async_kernel.caller._group import CancelMode, PendingGroup
from async_kernel.caller._pending import Pending
from async_kernel.caller._queue import CallQueues
from async_kernel.caller._trackers import PendingTracker, Trackers, join

if TYPE_CHECKING:
    import logging
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping

    from async_kernel.caller._backend import Backend
    from async_kernel.caller._pool import WorkerPool

T = TypeVar("T")
P = ParamSpec("P")


class Scheduler:
    """The calls that one can make on a caller, from any thread. What they run in is its executor's loop."""

    log: logging.Logger

    def _set_up_calls(self, log: logging.Logger, pool: WorkerPool | None) -> None:
        """Be ready for calls. Without a pool `to_thread` uses the event loop."""
        self.log = log
        self._pool = pool
        self._executor = Executor()
        self._queues = CallQueues(self._executor, self._new_call, log)
        self._may_tell = Claim()

    @property
    def thread_id(self) -> int | None:
        """The identifier of the thread that its event loop runs in, `None` until there is one."""
        raise NotImplementedError

    @overload
    def call_soon(self, f: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]: ...

    @overload
    def call_soon(self, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]: ...

    def call_soon(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Pending[Any]:
        """Call `f(*args, **kwargs)` in the event loop, soon. From any thread.

        A plain function is called in the loop itself, a coroutine function gets a task, each in a copy of the context
        of here and now.

        Raises:
            CallerStopped: this caller has been stopped.
        """
        return self._schedule(f, args, kwargs)

    @overload
    def call_later(
        self, delay: float, f: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Pending[T]: ...

    @overload
    def call_later(self, delay: float, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]: ...

    def call_later(self, delay: float, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Pending[Any]:
        """`call_soon`, `delay` seconds from now."""
        return self._schedule(f, args, kwargs, delay=delay)

    @overload
    def to_thread(self, f: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]: ...

    @overload
    def to_thread(self, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]: ...

    def to_thread(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Pending[Any]:
        """Call `f(*args, **kwargs)` in a worker thread, which has an event loop of its own. From any thread.

        Workers are kept for the next call: at most 10 idle ones, for 60 seconds. Where there are no threads this is
        `call_soon`, and says so once.

        Raises:
            CallerStopped: this caller has been stopped.
        """
        if (pool := self._pool) is None:
            self._tell_no_threads("to_thread")
            return self._schedule(f, args, kwargs)
        context = contextvars.copy_context()
        return pool.run(lambda worker: worker._schedule(f, args, kwargs, context))

    def _tell_no_threads(self, what: str) -> None:
        if self._may_tell.take():
            self.log.warning("There are no threads here: %s uses the current event loop, and can block it.", what)

    @overload
    def call_using_backend(
        self, backend: Backend, f: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Pending[T]: ...

    @overload
    def call_using_backend(
        self, backend: Backend, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Pending[T]: ...

    def call_using_backend(self, backend: Backend, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Pending[Any]:
        """`call_soon` under a backend, in the same thread: another than the caller's own runs as its guest.

        Raises:
            ValueError: there is no such backend.
            ImportError: trio is asked for and not installed.
            RuntimeError: its event loop does not run yet.
            CallerStopped: this caller has been stopped.
        """
        return self._using(backend)._schedule(f, args, kwargs)

    def _using(self, backend: Backend | None) -> Scheduler:
        """What schedules under a backend in the same thread."""
        raise NotImplementedError

    @overload
    def schedule_call(
        self,
        f: Callable[..., Coroutine[Any, Any, T]],
        args: tuple[Any, ...] = ...,
        kwargs: Mapping[str, Any] | None = ...,
        context: contextvars.Context | None = ...,
        trackers: Trackers = ...,
        backend: Backend | None = ...,
        **metadata: Any,
    ) -> Pending[T]: ...

    @overload
    def schedule_call(
        self,
        f: Callable[..., T],
        args: tuple[Any, ...] = ...,
        kwargs: Mapping[str, Any] | None = ...,
        context: contextvars.Context | None = ...,
        trackers: Trackers = ...,
        backend: Backend | None = ...,
        **metadata: Any,
    ) -> Pending[T]: ...

    def schedule_call(
        self,
        f: Callable[..., Any],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        context: contextvars.Context | None = None,
        trackers: Trackers = PendingTracker,
        backend: Backend | None = None,
        **metadata: Any,
    ) -> Pending[Any]:
        """`call_soon` with everything said.

        Args:
            f: a function or coroutine function.
            args: its positional arguments.
            kwargs: its keyword arguments.
            context: to run it in, as it is: what `f` sets is seen there. By default a copy of the context of here.
            trackers: the kinds of tracker, of those active here, that the call joins; `()` for none.
            backend: to run it under, in the same thread, as `call_using_backend` does; by default the caller's own.
            metadata: goes into the pending's `metadata`.

        Raises:
            ValueError, ImportError, RuntimeError: as for `call_using_backend`.
            CallerStopped: this caller has been stopped.
        """
        return self._using(backend)._schedule(f, args, kwargs or {}, context, trackers, metadata)

    def call_direct(self, f: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call a short plain function in the scheduler itself: no task, no pending. From any thread.

        What it raises is logged.

        Raises:
            CallerStopped: this caller has been stopped.
        """
        self._executor.post(self._call_direct, contextvars.copy_context(), lambda: f(*args, **kwargs))

    def _call_direct(self, context: contextvars.Context, call: Callable[[], object]) -> None:
        try:
            context.run(call)
        except BaseException:  # outer edge: nobody waits for it
            self.log.exception("A direct call failed.")

    def queue_call(self, f: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Put a call into the queue of `f`, which has one call after another run. From any thread.

        There is one queue a function, or bound method. It ends with the function's life, with `queue_close(f)`, or
        with this caller. What a call raises is logged.

        Raises:
            CallerStopped: this caller has been stopped.
        """
        self._queue_call(f, args, kwargs, contextvars.copy_context())

    def _queue_call(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], context: contextvars.Context
    ) -> None:
        """As `queue_call`, in a context as it is: what the call sets is seen there."""
        self._executor.refuse_closed()
        self._queues.put(f, args, kwargs, context)

    def queue_get(self, f: Callable[..., object]) -> Pending[None] | None:
        """The life of the queue of `f`, done when it has ended; `None` if there is no queue."""
        return self._queues.get(f)

    def queue_close(self, f: Callable[..., object]) -> None:
        """End the queue of `f`: the call that runs is cancelled, those that wait are dropped."""
        if (life := self._queues.get(f)) is not None:
            life.cancel("The queue has been closed.")

    def _schedule(
        self,
        f: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        context: contextvars.Context | None = None,
        trackers: Trackers = PendingTracker,
        metadata: dict[str, Any] | None = None,
        delay: float | None = None,
    ) -> Pending[Any]:
        call = self._new_call(f, args, kwargs, contextvars.copy_context() if context is None else context)
        if metadata:
            call.pending.metadata.update(metadata)
        self._executor.submit(call, delay)
        join(call.pending, trackers)
        return call.pending

    def _new_call(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], context: contextvars.Context
    ) -> Call:
        pending: Pending[Any] = Pending()
        pending._owner = self
        return Call(self, pending, f, args, kwargs, context)

    # Several pendings

    def create_pending_group(self, *, mode: CancelMode = 0) -> PendingGroup:
        """A `PendingGroup`: what is scheduled inside it, on whatever caller, joins it."""
        return PendingGroup(mode=mode)

    async def wait(
        self,
        items: Iterable[Pending[T]],
        *,
        timeout: float | None = None,
        return_when: _collect.ReturnWhen = "ALL_COMPLETED",
    ) -> tuple[set[Pending[T]], set[Pending[T]]]:
        """Wait for several pendings as `asyncio.wait` does for futures. None of them is cancelled.

        Args:
            items: the pendings.
            timeout: seconds to wait at most, `None` for as long as it takes.
            return_when: `"FIRST_COMPLETED"`, `"FIRST_EXCEPTION"` or `"ALL_COMPLETED"`.

        Returns:
            Those that are done, and those that are not.
        """
        return await _collect.wait(items, timeout=timeout, return_when=return_when)

    def as_completed(
        self, items: Iterable[Pending[T]], *, max_concurrent: int | None = None, cancel_unfinished: bool = True
    ) -> AsyncGenerator[Pending[T]]:
        """Iterate asynchronously over pendings as they get done.

        Args:
            items: the pendings. A generator may schedule them as it goes.
            max_concurrent: take the next from `items` only while fewer than this many are unfinished.
            cancel_unfinished: cancel what is left when the iteration ends early.
        """
        return _collect.as_completed(items, max_concurrent=max_concurrent, cancel_unfinished=cancel_unfinished)
