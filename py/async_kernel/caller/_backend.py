"""What the callers need of an event loop, and which of the two is running.

The asyncio and trio modules each fulfil this contract. trio is imported only where it is in use already or asked for.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from async_kernel.caller._host import hosting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import ModuleType

    from async_kernel.caller._call import Call
    from async_kernel.caller._host import Host

Backend: TypeAlias = Literal["asyncio", "trio"]

BACKENDS: tuple[Backend, ...] = ("asyncio", "trio")


class _Innermost(threading.local):
    """The backend whose code runs in this thread, where a guest's loop makes it hard to tell."""

    backend: Backend | None = None


innermost = _Innermost()


class LoopEnded(Exception):  # noqa: N818 (never leaves this package)
    """The event loop takes no more callbacks."""


class Waiter(Protocol):
    """Parks one task until it is woken or its time is up."""

    def wake(self, source: object = None, /) -> None:
        """Let the task go on. From any thread."""

    async def wait(self, timeout: float | None) -> None:
        """Return once woken, or after `timeout` seconds."""


class EventLoop(Protocol):
    """A running event loop, as the callers see it."""

    backend: Backend

    def is_current(self) -> bool:
        """Whether the code that asks runs in this loop."""

    def is_closed(self) -> bool:
        """Whether the loop is known to have ended."""

    def post(self, callback: Callable[..., object], /, *args: object) -> None:
        """Run `callback(*args)` in the loop, soon and in order. From any thread; `LoopEnded` when it is over."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Callable[[], object]:
        """Run `callback` after `delay` seconds. In the loop only. Returns what cancels it, callable from any thread."""

    def run_plain(self, function: Callable[[], object], /) -> object:
        """Call a function of the user, open to Ctrl-C, in the context it is to run in. In the loop only."""

    def spawn(self, call: Call, /) -> None:
        """Run the call in a task of its own, in the call's context. In the loop only."""

    def spawn_service(self, service: Callable[[], Awaitable[None]], /) -> None:
        """Run `service` in a task that is cancelled when the loop ends. In the loop only."""


def current_backend() -> Backend | None:
    """The backend of the event loop that runs in this thread, `None` if there is none."""
    if innermost.backend is not None:
        return innermost.backend
    # trio first: as a guest it runs inside an asyncio loop.
    if (trio := sys.modules.get("trio")) and trio.lowlevel.in_trio_task():
        return "trio"
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return None
    return "asyncio"


def backend_module(backend: str) -> ModuleType:
    """The module that adapts `backend`.

    Raises:
        ValueError: there is no such backend.
        ImportError: trio is asked for and not installed.
    """
    if backend == "asyncio":
        from async_kernel.caller import _backend_asyncio

        return _backend_asyncio
    if backend == "trio":
        try:
            from async_kernel.caller import _backend_trio
        except ModuleNotFoundError as error:
            if error.name != "trio":
                raise
            msg = "The backend 'trio' needs the package trio: install it (pip install trio), or use 'asyncio'."
            raise ImportError(msg, name="trio") from None
        return _backend_trio
    msg = f"There is no backend {backend!r}. Available are: {', '.join(BACKENDS)}."
    raise ValueError(msg)


def _running_module() -> ModuleType:
    if (backend := current_backend()) is None:
        msg = "No event loop runs in this thread. Call this from a coroutine, or use `wait_sync`."
        raise RuntimeError(msg)
    return backend_module(backend)


def current_loop() -> EventLoop:
    """The event loop that runs in this thread.

    Raises:
        RuntimeError: there is none.
    """
    loop: EventLoop = _running_module().current_loop()
    return loop


def new_waiter() -> Waiter:
    """A waiter for the current task.

    Raises:
        RuntimeError: no event loop runs in this thread.
    """
    waiter: Waiter = _running_module().new_waiter()
    return waiter


def check_options(backend: str, options: Mapping[str, Any] | None, *, as_guest: bool = False) -> None:
    """Refuse a backend, or options for it, that `run`, or `run_hosted`, would not take.

    Raises:
        ValueError: naming what is allowed.
        ImportError: trio is asked for and not installed.
    """
    module = backend_module(backend)
    allowed: tuple[str, ...] = module.GUEST_OPTIONS if as_guest else module.OPTIONS
    options = options or {}
    idle = {name for name in module.OPTIONS if options.get(name) is False}  # no guest does what is not to be done
    if unknown := sorted(set(options) - set(allowed) - (idle if as_guest else set())):
        what = f"{backend} under a host" if as_guest else backend
        msg = f"Unknown backend_options for {what}: {', '.join(unknown)}. Allowed are: {', '.join(allowed)}."
        raise ValueError(msg)


def run(main: Callable[[], Awaitable[None]], backend: str, options: Mapping[str, Any] | None) -> None:
    """Run `main` in a new event loop of this thread until it returns."""
    backend_module(backend).run(main, dict(options or {}))


def run_hosted(
    main: Callable[[], Awaitable[None]], backend: str, options: Mapping[str, Any] | None, host: Host
) -> None:
    """Run `main` in a new event loop, as a guest of a GUI's main loop, which takes this thread until `main` returns."""
    errors: list[BaseException | None] = []

    def done(error: BaseException | None) -> None:
        errors.append(error)
        host.done()

    with hosting(host):
        backend_module(backend).start_hosted(main, dict(options or {}), host, done)
        host.mainloop()
    if not errors:
        msg = f"The main loop of the host {host.name!r} returned before its guest had ended."
        raise RuntimeError(msg)
    if errors[0] is not None:
        raise errors[0]


def run_as_guest(
    main: Callable[[], Awaitable[None]], backend: str, host: EventLoop, ended: Callable[[BaseException | None], object]
) -> None:
    """Run `main` in the other backend's event loop, in the thread of `host`, which goes on. In the host's loop only.

    `ended` is called in that thread when it is over, with what went wrong.
    """
    backend_module(backend).run_as_guest(main, host, ended)
