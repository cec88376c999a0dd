"""asyncio, as the callers see it: CPython's loops, uvloop, and Pyodide's, which never ends and has no threads."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import sys
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from async_kernel.caller._backend import LoopEnded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from async_kernel.caller._backend import Backend, EventLoop
    from async_kernel.caller._call import Call
    from async_kernel.caller._host import Host

OPTIONS = ("debug", "loop_factory", "use_uvloop")
GUEST_OPTIONS = ("debug",)  # its loop is one of our own


class AsyncioLoop:
    """The running asyncio event loop."""

    backend: Backend = "asyncio"

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._context = contextvars.Context()
        self._services: set[asyncio.Task[None]] = set()

    def is_current(self) -> bool:
        return threading.get_ident() == self._thread_id

    def is_closed(self) -> bool:
        return self._loop.is_closed()

    def post(self, callback: Callable[..., object], /, *args: object) -> None:
        try:
            if threading.get_ident() == self._thread_id:
                self._loop.call_soon(callback, *args, context=self._context)
            else:
                self._loop.call_soon_threadsafe(callback, *args, context=self._context)
        except RuntimeError as error:
            raise self._ended(error) from error

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Callable[[], object]:
        return partial(self._from_anywhere, self._loop.call_later(delay, callback, context=self._context).cancel)

    def run_plain(self, function: Callable[[], object], /) -> object:
        _forget_other_library()
        return function()

    def spawn(self, call: Call, /) -> None:
        coroutine = self._drive(call)
        try:
            self._loop.create_task(coroutine, context=call.context)
        except RuntimeError as error:
            coroutine.close()
            raise self._ended(error) from error

    def spawn_service(self, service: Callable[[], Awaitable[None]], /) -> None:
        async def serve() -> None:
            await service()

        task = self._loop.create_task(serve(), context=contextvars.Context())
        self._services.add(task)
        task.add_done_callback(self._services.discard)

    async def _drive(self, call: Call) -> None:
        task = asyncio.current_task()
        assert task is not None
        if not call.begin(partial(self._from_anywhere, task.cancel)):
            return
        _forget_other_library()
        try:
            result = await call.invoke()
        except asyncio.CancelledError as error:
            call.cancelled(str(error))
        except GeneratorExit:
            call.cancelled("The event loop ended.")
            raise
        except BaseException as error:  # noqa: BLE001 (outer edge: whatever a call raises belongs to its pending)
            call.failed(error)
        else:
            call.returned(result)

    def _from_anywhere(self, callback: Callable[[], object]) -> None:
        if threading.get_ident() == self._thread_id:
            callback()
            return
        with suppress(LoopEnded):
            self.post(callback)

    def _ended(self, error: RuntimeError) -> Exception:
        return LoopEnded("The event loop is closed.") if self._loop.is_closed() else error


def _forget_other_library() -> None:
    # A context copied under trio may say so to anyio, which asks sniffio, which believes the context.
    if sniffio := sys.modules.get("sniffio"):
        library = sniffio.current_async_library_cvar
        if library.get() not in {None, "asyncio"}:
            library.set(None)


class AsyncioWaiter:
    """Parks one asyncio task."""

    __slots__ = ("_future", "_loop", "_thread_id")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._future: asyncio.Future[None] = self._loop.create_future()

    def wake(self, _source: object = None, /) -> None:
        if threading.get_ident() == self._thread_id:
            self._set()
            return
        try:
            self._loop.call_soon_threadsafe(self._set)
        except RuntimeError:
            if not self._loop.is_closed():  # closed: nobody waits any more
                raise

    def _set(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    async def wait(self, timeout: float | None) -> None:
        if timeout is None:
            await self._future
            return
        timer = self._loop.call_later(max(timeout, 0), self._set)
        try:
            await self._future
        finally:
            timer.cancel()


current_loop = AsyncioLoop
new_waiter = AsyncioWaiter


def run(main: Callable[[], Awaitable[None]], options: dict[str, Any]) -> None:
    """Run `main` in a new event loop of this thread. The options are anyio's: `debug`, `loop_factory`, `use_uvloop`."""

    async def run_main() -> None:
        await main()

    if options.pop("use_uvloop", False):
        options.setdefault("loop_factory", importlib.import_module("uvloop").new_event_loop)
    with asyncio.Runner(**options) as runner:
        runner.run(run_main())


def start_hosted(
    main: Callable[[], Awaitable[None]],
    options: dict[str, Any],
    host: Host,
    done: Callable[[BaseException | None], object],
) -> None:
    """Run `main` in an asyncio loop, as a guest of a GUI's main loop."""
    from async_kernel.caller._asyncio_guest import start_guest_run

    start_guest_run(main, host, done, debug=options.get("debug"))


def run_as_guest(
    main: Callable[[], Awaitable[None]], host: EventLoop, ended: Callable[[BaseException | None], object]
) -> None:
    """Run `main` in an asyncio loop in the thread of `host`, which is trio's."""
    from async_kernel.caller._asyncio_guest import serve_guest

    async def serve() -> None:
        error: BaseException | None = None
        try:
            await serve_guest(main)
        except Exception as e:  # noqa: BLE001 (outer edge of a loop: told to who started it)
            error = e
        ended(error)

    host.spawn_service(serve)
