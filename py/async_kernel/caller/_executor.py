"""`Executor`: takes calls for one event loop, before it runs, while it runs, and until the calls are to end."""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from async_kernel._errors import CallerStopped
from async_kernel.caller._backend import LoopEnded
from async_kernel.caller._pending import Pending

if TYPE_CHECKING:
    from collections.abc import Callable

    from async_kernel.caller._backend import EventLoop
    from async_kernel.caller._call import Call


class Executor:
    """Takes calls for one event loop.

    Like `Pending` it has no locks: where two things must not miss each other, each makes its mark before it looks for
    the other's.
    """

    def __init__(self) -> None:
        self.loop: EventLoop | None = None
        self.drained: Pending[None] = Pending()  # closed, and all calls have ended
        self._backlog: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._active: set[Pending[Any]] = set()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether it takes no more calls."""
        return self._closed or (self.loop is not None and self.loop.is_closed())

    def attach(self, loop: EventLoop) -> None:
        """Run in this loop from now on, beginning with what has been scheduled so far."""
        self.loop = loop
        self._flush(loop)

    def post(self, callback: Callable[..., object], *args: object) -> None:
        """Run `callback(*args)` in the loop, soon and in order. It must not raise. From any thread.

        Raises:
            CallerStopped: closed, or the loop has ended.
        """
        self.refuse_closed()
        loop = self.loop
        if loop is None or self._backlog:
            self._backlog.append((callback, args))
            if (loop := self.loop) is not None:  # attached in the meantime
                self._flush(loop)
            return
        try:
            loop.post(callback, *args)
        except LoopEnded as error:
            raise CallerStopped(str(error)) from error

    def submit(self, call: Call, delay: float | None = None) -> None:
        """Start the call in the loop, `delay` seconds from now. From any thread.

        Raises:
            CallerStopped: closed, or the loop has ended.
        """
        self._enter(call)
        try:
            if delay is not None:
                self.post(self._start_later, call, time.monotonic() + delay)
            elif (loop := self.loop) is not None and not self._backlog and loop.is_current() and call.is_coroutine:
                call.start(loop)  # it gets a task, which waits its turn
            else:
                self.post(self._start, call)
        except CallerStopped:
            call.cancelled()
            raise

    def start(self, call: Call) -> None:
        """Start the call now. In the loop only.

        Raises:
            CallerStopped: closed, or the loop has ended.
        """
        self._enter(call)
        self._start(call)

    def close(self, message: str) -> None:
        """Take no more calls, and cancel those there are."""
        self._closed = True
        for pending in list(self._active):
            pending.cancel(message)
        self._check_drained()

    def abandon(self, message: str) -> None:
        """The loop has ended: so have the calls."""
        self._closed = True
        self._backlog.clear()
        for pending in list(self._active):
            pending._resolve_cancelled(message)
        self._check_drained()

    def refuse_closed(self) -> None:
        """Raise `CallerStopped` if it takes no more calls."""
        if self.closed:
            msg = "The caller has been stopped, or its event loop has ended: it takes no more calls."
            raise CallerStopped(msg)

    def _enter(self, call: Call) -> None:
        self._active.add(call.pending)
        call.pending._add_callback(self._leave)
        if self.closed:
            call.cancelled()
            self.refuse_closed()

    def _leave(self, pending: Pending[Any]) -> None:
        self._active.discard(pending)
        if self._closed:
            self._check_drained()

    def _check_drained(self) -> None:
        if not self._active:
            self.drained._resolve(None, None)

    def _flush(self, loop: EventLoop) -> None:
        while True:
            try:
                callback, args = self._backlog.popleft()
            except IndexError:
                return
            with suppress(LoopEnded):
                loop.post(callback, *args)

    def _start(self, call: Call) -> None:
        assert self.loop is not None
        call.start(self.loop)

    def _start_later(self, call: Call, due: float) -> None:
        loop = self.loop
        assert loop is not None
        if call.pending.done():
            return
        try:
            cancel = loop.call_later(max(due - time.monotonic(), 0), lambda: call.start(loop))
        except LoopEnded as error:
            call.cancelled(str(error))
            return
        call.pending._add_callback(lambda _: cancel())
