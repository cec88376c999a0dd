"""Python's blocking calls: `time.sleep`, `run_sync`, and event loops that are run inside the kernel's."""

from __future__ import annotations

import asyncio
import asyncio.events
import asyncio.runners
import sys
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

import pyodide.ffi
from pyodide.webloop import WebLoop

from async_kernel._browser._import_locks import ImportLocks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from contextvars import Context

    from async_kernel._browser._listening import Listening

T = TypeVar("T")


class BlockingCalls:
    """Lets them wait as `listening` does. asyncio has one loop here, the browser's, and this is run already."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening
        self._old: list[tuple[object, str, Any]] = []

    def install(self) -> None:
        new_event_loop = asyncio.new_event_loop
        listening = self._listening

        def sleep(seconds: float, /) -> None:
            """Wait so many seconds. Messages, tasks and timers go on meanwhile where the browser can switch stacks."""
            if seconds < 0:
                msg = "sleep length must be non-negative"
                raise ValueError(msg)
            listening.sleep(seconds)

        def run(main: Coroutine[Any, Any, T], *, debug: bool | None = None, loop_factory: object = None) -> T:  # noqa: ARG001  # asyncio's signature
            """Run a coroutine to its end before returning."""
            return listening.run(main)

        def make_loop() -> asyncio.AbstractEventLoop:
            """A loop; the running one stays what it is."""
            running = asyncio._get_running_loop()
            loop = new_event_loop()
            asyncio._set_running_loop(running)
            return loop

        call_later = WebLoop.call_later

        def call_later_or_soon(loop: WebLoop, delay: float, *args: Any, **kwargs: Any) -> asyncio.Handle:
            """As asyncio has it: what is late already is called soon. anyio's timeouts rely on it."""
            handle: asyncio.Handle = call_later(loop, max(delay, 0), *args, **kwargs)
            return handle

        self._patch(WebLoop, "call_later", call_later_or_soon)
        self._patch(time, "sleep", sleep)
        self._patch(asyncio, "run", run)
        self._patch(WebLoop, "run_until_complete", lambda loop, future: listening.wait(_future(future, loop)))
        for module in (asyncio, asyncio.runners):
            self._patch(module, "Runner", _runner(listening))
        for module in (asyncio, asyncio.events):
            self._patch(module, "new_event_loop", make_loop)
        if listening.can_wait:
            self._patch(pyodide.ffi, "run_sync", listening.wait)
            self._patch(sys.modules["_frozen_importlib"], "_ModuleLock", ImportLocks(listening.wait).lock)

    def uninstall(self) -> None:
        while self._old:
            setattr(*self._old.pop())

    def _patch(self, owner: object, name: str, value: object) -> None:
        self._old.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)


def _future(awaitable: Awaitable[T], loop: asyncio.AbstractEventLoop) -> Awaitable[T]:
    return asyncio.ensure_future(awaitable, loop=loop) if loop is not asyncio._get_running_loop() else awaitable


def _runner(listening: Listening) -> type:
    class Runner:
        """`asyncio.Runner` in the loop that runs already."""

        def __init__(self, *, debug: bool | None = None, loop_factory: Callable[[], object] | None = None) -> None:
            pass

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def close(self) -> None:
            pass

        def get_loop(self) -> asyncio.AbstractEventLoop:
            return asyncio.get_running_loop()

        def run(self, coro: Coroutine[Any, Any, T], *, context: Context | None = None) -> T:
            loop = asyncio.get_running_loop()
            return listening.run(coro if context is None else loop.create_task(coro, context=context))

    return Runner
