"""Starts the core for the worker, and converts what crosses between JavaScript and Python."""

from __future__ import annotations

import json
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

from pyodide.ffi import JsProxy, to_js

import js
from async_kernel._browser import _history, _http, _piplite
from async_kernel._browser._blocking_calls import BlockingCalls
from async_kernel._browser._front_end import FrontEnd
from async_kernel._browser._imports import ImportLoader
from async_kernel._browser._strategy import strategy
from async_kernel.debugger._python_engine import PythonEngine
from async_kernel.interface._callable import CallableInterface
from async_kernel.interface._launch import make_interface

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from types import TracebackType

    from async_kernel._wire import Buffer
    from async_kernel.interface import Handlers


async def start(
    *,
    send: Callable[[str, Any], None],
    stopped: Callable[[], None],
    drain: Callable[[], Awaitable[None]],
    settings: Any,
    packages: Any,
    history: Any,
    frontEndPackages: Any,  # noqa: N803  # JavaScript's name
    **listens: Any,
) -> Any:
    """Start a kernel in this worker.

    Args:
        send: the worker's way out: JSON text, and buffers as `Uint8Array`s or undefined.
        stopped: called once, when the kernel has ended.
        drain: returns a promise that resolves when all that the page had posted before has been delivered.
        settings: traitlets configuration, as a JavaScript object.
        packages: `PyodidePackages` of the worker: what Pyodide's own index has.
        history: the worker's `History`, or undefined.
        frontEndPackages: the versions of packages of which the page has a part, as a JavaScript object or undefined.
        listens: `listening`, how the worker hears from the page while Python is busy, and for questions to the user
            `answer`, which returns a promise of the reply to a message id, and `giveUp`.

    Returns:
        A JavaScript object with `handle_msg(json, buffers)` and `stop()`.
    """
    sys.excepthook = _print_exception
    interface = make_interface(CallableInterface, settings.to_py() if isinstance(settings, JsProxy) else settings or {})
    listening = strategy(interface, send=send, **listens)

    def send_out(msg_json: str, buffers: list[Buffer] | None, requires_reply: bool, /) -> str | None:
        if requires_reply:
            return listening.ask(msg_json, json.loads(msg_json)["header"]["msg_id"])
        # Copies, which the page may be given for good.
        send(msg_json, to_js([memoryview(b).cast("B") for b in buffers]) if buffers else None)
        return None

    interface.no_debugger = "this browser cannot switch stacks (JSPI)"
    handlers: Handlers = await interface.start_async(
        send=send_out,
        stopped=stopped,
        drain=drain,
        interrupt=listening.interrupt,
        engine=PythonEngine(interface, listening.wait) if listening.can_wait else None,
    )
    blocking_calls = BlockingCalls(listening)
    blocking_calls.install()
    interface.at_end(blocking_calls.uninstall)
    interface.kernel.before_code = listening.attend
    interface.kernel.front_end_packages = frontEndPackages.to_py() if isinstance(frontEndPackages, JsProxy) else None
    interface.kernel.before_cell = ImportLoader(packages, FrontEnd(interface.kernel.front_end_packages)).load_for
    if isinstance(history, JsProxy):
        _history.keep(interface.kernel.main_shell, history)
    sys.modules["piplite"] = _piplite
    _http.install()
    signal.signal(signal.SIGUSR1, lambda _, frame: listening.on_signal(frame))

    def handle_msg(msg_json: str, buffers: Sequence[Any] | None = None) -> None:
        handlers["handle_msg"](msg_json, [b.to_bytes() for b in buffers] if buffers else None)

    return to_js({"handle_msg": handle_msg, "stop": handlers["stop"]}, dict_converter=js.Object.fromEntries)


def _print_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """`sys.excepthook`: Pyodide takes the words of an error that JavaScript gets from the process's own stderr."""
    traceback.print_exception(kind, error, trace, file=sys.__stderr__)
    if sys.__stderr__:
        sys.__stderr__.flush()
