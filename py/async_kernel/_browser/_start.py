"""Starts the core for the worker, and converts what crosses between JavaScript and Python."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

from IPython.core.error import StdinNotImplementedError
from pyodide.ffi import JsProxy, can_run_sync, run_sync, to_js

import js
from async_kernel.interface._callable import CallableInterface
from async_kernel.interface._launch import make_interface

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from types import TracebackType

    from async_kernel._wire import Buffer
    from async_kernel.interface import Handlers


async def start(
    *,
    send: Callable[[str, Any, bool], Awaitable[str] | None],
    stopped: Callable[[], None],
    drain: Callable[[], Awaitable[None]],
    settings: Any,
) -> Any:
    """Start a kernel in this worker.

    Args:
        send: the worker's way out: JSON text, buffers as `Uint8Array`s or undefined, and whether a reply is needed;
            then it returns a promise of the reply's JSON.
        stopped: called once, when the kernel has ended.
        drain: returns a promise that resolves when all that the page had posted before has been delivered.
        settings: traitlets configuration, as a JavaScript object.

    Returns:
        A JavaScript object with `handle_msg(json, buffers)` and `stop()`.
    """
    sys.excepthook = _print_exception
    interface = make_interface(CallableInterface, settings.to_py() if isinstance(settings, JsProxy) else settings or {})

    def send_out(msg_json: str, buffers: list[Buffer] | None, requires_reply: bool, /) -> str | None:
        # Copies, which the page may be given for good.
        arrays = to_js([memoryview(b).cast("B") for b in buffers]) if buffers else None
        if not requires_reply:
            send(msg_json, arrays, False)  # noqa: FBT003
            return None
        if not can_run_sync():
            msg = (
                "input needs a browser with JSPI (WebAssembly stack switching) to wait for its answer, "
                "and this one has none: use a widget, or a recent Chromium"
            )
            raise StdinNotImplementedError(msg)
        reply: str = run_sync(send(msg_json, arrays, True))  # noqa: FBT003
        return reply

    handlers: Handlers = await interface.start_async(send=send_out, stopped=stopped, drain=drain)

    def handle_msg(msg_json: str, buffers: Sequence[Any] | None = None) -> None:
        handlers["handle_msg"](msg_json, [b.to_bytes() for b in buffers] if buffers else None)

    return to_js({"handle_msg": handle_msg, "stop": handlers["stop"]}, dict_converter=js.Object.fromEntries)


def _print_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """`sys.excepthook`: Pyodide takes the words of an error that JavaScript gets from the process's own stderr."""
    traceback.print_exception(kind, error, trace, file=sys.__stderr__)
    if sys.__stderr__:
        sys.__stderr__.flush()
