"""`asyncio.run` and `loop.run_until_complete` in a cell, although a loop runs already.

asyncio refuses to run a loop inside another of the same thread. A cell that calls one of its blocking functions wants
to block, as a script does: the outer loop is left while the inner one runs, and found again as it was.

The running loop itself is turned until what the cell waits for is there. uvloop's cannot be, from within: there the
cell is left where it waits, which takes the package greenlet.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from functools import wraps
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from async_kernel.caller._backend import current_backend

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

T = TypeVar("T")

_PATCHED = (
    (asyncio, "run"),
    (asyncio.Runner, "run"),
    (asyncio.BaseEventLoop, "run_until_complete"),
    (asyncio.BaseEventLoop, "run_forever"),
)
HAS_UVLOOP = sys.platform != "win32" and bool(find_spec("uvloop"))
HAS_GREENLET = bool(find_spec("greenlet"))


@contextmanager
def outside_loop(loop: asyncio.AbstractEventLoop) -> Generator[None]:
    """Leave the running loop and its task for the block, as asyncio's extension interface allows."""
    task = asyncio.current_task(loop)
    if task:
        asyncio.tasks._leave_task(loop, task)
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)
        if task:
            asyncio.tasks._enter_task(loop, task)


def _can_turn(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the loop has asyncio's iteration, which has no public name."""
    return hasattr(loop, "_run_once")


async def let_nest(code: Awaitable[T]) -> T:
    """Await code that may call `run_until_complete` of the loop that runs it, of whatever kind that is."""
    if not HAS_GREENLET or current_backend() != "asyncio" or _can_turn(asyncio.get_running_loop()):
        return await code
    from async_kernel._own_stack import run_on_own_stack

    return await run_on_own_stack(code)


def _run_inside(loop: Any, awaitable: Any) -> Any:
    """Run a loop, which is running, from within one of its callbacks, until `awaitable` is done."""
    if not _can_turn(loop):
        return _wait_inside(loop, awaitable)
    future = asyncio.ensure_future(awaitable, loop=loop)
    # The outer iteration has counted what is ready: as much must be there when it goes on.
    ready = len(loop._ready)
    with outside_loop(loop):
        asyncio._set_running_loop(loop)
        while not future.done():
            loop._run_once()
    while len(loop._ready) < ready:
        loop.call_soon(lambda: None)
    return future.result()


def _wait_inside(loop: asyncio.AbstractEventLoop, awaitable: Any) -> Any:
    if HAS_GREENLET:
        from async_kernel._own_stack import can_wait, wait

        if can_wait():
            return wait(asyncio.ensure_future(awaitable, loop=loop))
    msg = (
        f"a running {type(loop).__module__}.{type(loop).__name__} cannot run until a result is there: await it instead"
    )
    raise RuntimeError(msg)


def _nestable(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        running = asyncio._get_running_loop()
        if running is None:
            return function(*args, **kwargs)
        if args and args[0] is running and function.__name__ == "run_until_complete":
            return _run_inside(*args, **kwargs)
        with outside_loop(running):
            return function(*args, **kwargs)

    return run


class NestedRun:
    """Lets cells run event loops while the kernel runs."""

    def __init__(self) -> None:
        self._old: list[tuple[object, str, Callable[..., Any]]] = []

    def install(self) -> None:
        patched: list[tuple[object, str]] = [*_PATCHED]
        if uvloop := sys.modules.get("uvloop"):
            patched += (uvloop, "run"), (uvloop.Loop, "run_until_complete"), (uvloop.Loop, "run_forever")
        for owner, name in patched:
            function = getattr(owner, name)
            self._old.append((owner, name, function))
            setattr(owner, name, _nestable(function))

    def uninstall(self) -> None:
        while self._old:
            setattr(*self._old.pop())
