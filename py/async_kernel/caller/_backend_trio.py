"""trio, as the callers see it. Imported only where trio is in use or asked for."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from async_kernel.caller._backend import LoopEnded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from async_kernel.caller._backend import Backend, EventLoop
    from async_kernel.caller._call import Call
    from async_kernel.caller._host import Host

OPTIONS = ("clock", "instruments", "restrict_keyboard_interrupt_to_checkpoints", "strict_exception_groups")
GUEST_OPTIONS = OPTIONS


class TrioLoop:
    """The running trio event loop.

    Calls run as system tasks: they need no nursery, take a context as it is, and trio cancels them when its main task
    ends.
    """

    backend: Backend = "trio"

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._thread_id = threading.get_ident()
        self._closed = False

    def is_current(self) -> bool:
        return threading.get_ident() == self._thread_id and trio.lowlevel.in_trio_task()

    def is_closed(self) -> bool:
        return self._closed

    def post(self, callback: Callable[..., object], /, *args: object) -> None:
        try:
            self._token.run_sync_soon(callback, *args)
        except trio.RunFinishedError as error:
            raise self._ended() from error

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Callable[[], object]:
        scope = trio.CancelScope()

        async def fire() -> None:
            with scope:
                await trio.sleep(delay)
            if not scope.cancelled_caught:
                callback()

        self._spawn(fire)
        return partial(self._from_anywhere, scope.cancel)

    def run_plain(self, function: Callable[[], object], /) -> object:
        return _call(function)

    def spawn(self, call: Call, /) -> None:
        try:
            task = trio.lowlevel.spawn_system_task(self._drive, call)
            task.context = call.context  # afterwards: trio would enter it, in which the calling code may be
        except RuntimeError as error:
            raise self._ended() from error

    def spawn_service(self, service: Callable[[], Awaitable[None]], /) -> None:
        self._spawn(service)

    def _spawn(self, service: Callable[[], Awaitable[None]]) -> None:
        async def serve() -> None:
            try:
                await service()
            except trio.Cancelled:  # the run is over, and a system task must not raise
                self._closed = True

        try:
            trio.lowlevel.spawn_system_task(serve)
        except RuntimeError as error:
            raise self._ended() from error

    async def _drive(self, call: Call) -> None:
        scope = trio.CancelScope()
        if not call.begin(partial(self._from_anywhere, scope.cancel)):
            return
        try:
            with scope:
                result = await _invoke(call)
        except trio.Cancelled:
            call.cancelled("The event loop ended.")
            raise
        except BaseException as error:  # noqa: BLE001 (outer edge: whatever a call raises belongs to its pending)
            call.failed(error)
        else:
            if scope.cancelled_caught:
                call.cancelled()
            else:
                call.returned(result)

    def _from_anywhere(self, callback: Callable[[], object]) -> None:
        if self.is_current():
            callback()
            return
        with suppress(LoopEnded):
            self.post(callback)

    def _ended(self) -> LoopEnded:
        self._closed = True
        return LoopEnded("The trio run has ended.")


# System tasks are shielded from Ctrl-C. The user's code is not to be.


@trio.lowlevel.disable_ki_protection
async def _invoke(call: Call) -> Any:
    return await call.invoke()


@trio.lowlevel.disable_ki_protection
def _call(function: Callable[[], object]) -> object:
    return function()


class TrioWaiter:
    """Parks one trio task."""

    __slots__ = ("_event", "_thread_id", "_token")

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._thread_id = threading.get_ident()
        self._event = trio.Event()

    def wake(self, _source: object = None, /) -> None:
        if threading.get_ident() == self._thread_id and trio.lowlevel.in_trio_task():
            self._event.set()
            return
        with suppress(trio.RunFinishedError):  # over: nobody waits any more
            self._token.run_sync_soon(self._event.set)

    async def wait(self, timeout: float | None) -> None:
        with trio.move_on_after(float("inf") if timeout is None else max(timeout, 0)):
            await self._event.wait()


current_loop = TrioLoop
new_waiter = TrioWaiter


def run(main: Callable[[], Awaitable[None]], options: dict[str, Any]) -> None:
    """Run `main` in a new event loop of this thread. The options are those of `trio.run`."""
    trio.run(main, **options)


def start_hosted(
    main: Callable[[], Awaitable[None]],
    options: dict[str, Any],
    host: Host,
    done: Callable[[BaseException | None], object],
) -> None:
    """Run `main` in trio's guest mode under a GUI's main loop. The options are those of `trio.run`."""
    trio.lowlevel.start_guest_run(
        main,
        run_sync_soon_threadsafe=host.run_soon_threadsafe,
        run_sync_soon_not_threadsafe=host.run_soon,
        done_callback=lambda result: done(getattr(result, "error", None)),
        host_uses_signal_set_wakeup_fd=True,
        **options,
    )


def run_as_guest(
    main: Callable[[], Awaitable[None]], host: EventLoop, ended: Callable[[BaseException | None], object]
) -> None:
    """Run `main` in trio's guest mode, in the thread of `host`."""
    trio.lowlevel.start_guest_run(
        main,
        run_sync_soon_threadsafe=host.post,
        done_callback=lambda result: ended(getattr(result, "error", None)),
        host_uses_signal_set_wakeup_fd=True,
    )
