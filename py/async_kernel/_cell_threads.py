"""The thread that a cell, or code of a cell, asks to run in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from async_kernel.caller import Caller, Pending

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from async_kernel.caller._backend import Backend

T = TypeVar("T")


def call_in_thread(
    caller: Caller, options: Mapping[str, str], f: Callable[..., Coroutine[Any, Any, T]], *args: Any
) -> Pending[T]:
    """Call a coroutine function in a thread with an event loop.

    Args:
        caller: whose thread it is: that of its child with the `name` of the options, or else one of its pool.
        options: `name` and `backend`, each if it was asked for.
        f: the function.
        args: its arguments.

    Raises:
        ValueError: the thread of this name has another backend.
        ImportError: the backend is trio, which is not installed.
        CallerStopped: the caller has been stopped.
    """
    backend = cast("Backend | None", options.get("backend"))
    if name := options.get("name"):
        return caller.get(name, backend=backend).call_soon(f, *args)
    if backend:
        return caller.to_thread(_call_using, backend, f, *args)
    return caller.to_thread(f, *args)


async def _call_using(backend: Backend, f: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
    return await Caller().call_using_backend(backend, f, *args)
