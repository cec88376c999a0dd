"""Call queues: the calls of one function, one after another, for as long as the function lives."""

from __future__ import annotations

import types
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias

from async_kernel._errors import CallerStopped
from async_kernel.caller._claim import Claim
from async_kernel.caller._pending import Pending

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping
    from contextvars import Context

    from async_kernel.caller._call import Call
    from async_kernel.caller._executor import Executor


Key: TypeAlias = tuple[int, ...]


def _parts(function: Callable[..., Any]) -> tuple[object, ...]:
    """The lasting objects that make up the function: a bound method is made anew each time it is looked up."""
    if isinstance(function, types.MethodType):
        return function.__self__, function.__func__
    if isinstance(function, types.BuiltinMethodType) and not isinstance(function.__self__, types.ModuleType | None):
        return function.__self__, getattr(type(function.__self__), function.__name__, function)
    return (function,)


class CallQueues:
    """The queues of a caller."""

    def __init__(self, executor: Executor, new_call: Callable[..., Call], log: logging.Logger) -> None:
        self.executor = executor
        self.new_call = new_call
        self.log = log
        self.by_key: dict[Key, CallQueue] = {}

    def put(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], context: Context
    ) -> None:
        """Queue a call, to run in this context."""
        parts = _parts(function)
        key = tuple(map(id, parts))
        if (queue := self.by_key.get(key)) is None:
            queue = self.by_key.setdefault(key, CallQueue(self, key, parts))
        queue.put(self.new_call(function, args, kwargs, context))

    def get(self, function: Callable[..., Any]) -> Pending[None] | None:
        """The life of the function's queue, if it has one: done when the queue has ended, ended by cancelling it."""
        queue = self.by_key.get(tuple(map(id, _parts(function))))
        return None if queue is None else queue.life

    def close(self) -> None:
        """End all queues."""
        for queue in list(self.by_key.values()):
            queue.life.cancel("The caller has been stopped.")


class CallQueue:
    """The calls of one function, one after another.

    The calls that wait hold the function. The queue itself knows it only weakly, and ends with it.
    """

    def __init__(self, queues: CallQueues, key: Key, parts: tuple[object, ...]) -> None:
        self.life: Pending[None] = Pending()
        self.life._add_callback(self._end)
        self._queues = queues
        self._executor = queues.executor
        self._key = key
        self._waiting: deque[Call] = deque()
        self._idle = Claim()
        self._running: Pending[Any] | None = None
        self._lifelines: list[weakref.ref[Any]] | None
        try:
            self._lifelines = [weakref.ref(part, self._function_gone) for part in parts]
        except TypeError:  # its life cannot be watched (a list's, say): then the queue ends when it is empty
            self._lifelines = None

    def put(self, call: Call) -> None:
        """Queue a call, from any thread."""
        self._waiting.append(call)
        if self._idle.take():
            self._advance()

    def _advance(self) -> None:
        """Have the loop go on to the next call. A coroutine function needs no turn of its own for that."""
        loop = self._executor.loop
        try:
            if loop is not None and loop.is_current() and self._waiting[0].is_coroutine:
                self._next()
            else:
                self._executor.post(self._next)
        except (CallerStopped, IndexError):  # closed meanwhile
            self._waiting.clear()

    def _next(self) -> None:
        try:
            call = self._waiting.popleft()
        except IndexError:
            self._rest()
            return
        self._running = call.pending
        call.pending._add_callback(self._ended)
        try:
            self._executor.start(call)
        except CallerStopped:
            self._waiting.clear()

    def _ended(self, pending: Pending[Any]) -> None:
        self._running = None
        if not pending.cancelled() and (error := pending.exception()) is not None:
            self._queues.log.error("A queued call failed.", exc_info=error)
        if self._waiting:
            self._advance()
        else:
            self._rest()

    def _rest(self) -> None:
        self._idle.give_back()
        if self._waiting:
            if self._idle.take():
                self._advance()
        elif self._lifelines is None:
            self.life._resolve(None, None)

    def _function_gone(self, _: object) -> None:
        self.life._resolve(None, None)

    def _end(self, _: object) -> None:
        if self._queues.by_key.get(self._key) is self:
            del self._queues.by_key[self._key]
        self._waiting.clear()
        if self._running is not None:
            self._running.cancel("Its queue has been closed.")
