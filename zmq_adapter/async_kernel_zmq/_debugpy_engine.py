"""The debugger's engine on CPython: debugpy, spoken to in the Debug Adapter Protocol over a socket of this process."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import threading
from itertools import count
from traceback import walk_stack
from typing import TYPE_CHECKING, Any, Final

import async_kernel
from async_kernel._frames import current_frames
from async_kernel.caller import Pending
from async_kernel.debugger import DebugError, Engine
from async_kernel.shell._subshell import Subshell
from IPython.core.interactiveshell import InteractiveShell

import async_kernel_zmq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from async_kernel.debugger._engine import Body

_FOLDERS: Final = (async_kernel.__path__[0], async_kernel_zmq.__path__[0])
"""Where the kernel's code is."""
_HIDDEN_EVENTS: Final = ("output", "debugpyAttach", "debugpySockets")
"""Output reaches the client as the kernel's messages; the others are for an editor that starts processes."""
_EXPRESSION: Final = re.compile(r"{([^{}]+)}")


class DebugpyEngine(Engine):
    """Loads debugpy when it is first started.

    Args:
        own_threads: the threads of the kernel, which are neither shown nor stopped.
    """

    def __init__(self, own_threads: Callable[[], Iterable[threading.Thread]]) -> None:
        self._own_threads = own_threads
        self._on_event: Callable[[str, Body], None] = lambda _, __: None
        self._socket: socket.socket | None = None
        self._sequence = count(1)
        self._waiting: dict[int, Pending[Body]] = {}
        self._sending = threading.Lock()
        self._ended: Pending[None] = Pending()
        self._traces: Pending[None] = Pending()
        """Done when the threads are traced, which is after debugpy has answered that it is configured."""
        self._breakpoint_hook = sys.breakpointhook
        """What `breakpoint()` does without debugpy."""
        self._below = frozenset(_files_below())
        """The files whose code has started the kernel."""

    async def start(self, on_event: Callable[[str, Body], None]) -> None:
        self._on_event = on_event
        if self._socket is None:
            connected: Pending[None] = Pending()
            _hidden_thread("Debugger", self._serve, connected)
            await connected

    async def request(self, command: str, arguments: Body) -> Body:
        if command == "attach":
            rules = [{"path": f"{folder}/**", "include": False} for folder in _FOLDERS]
            arguments = {"rules": rules, **arguments}
        elif command == "setBreakpoints":
            arguments = {**arguments, "breakpoints": [_printing(p) for p in arguments.get("breakpoints") or []]}
        body = await self._ask(command, arguments)
        if command == "configurationDone":
            await self._traces.wait(protect=True)
        elif command == "stackTrace":
            frames = body["stackFrames"]
            while frames and frames[-1]["source"]["path"] in self._below:
                frames.pop()
            body["totalFrames"] = len(frames)
        elif command == "threads":
            main = threading.main_thread()
            for thread in body["threads"]:
                if thread["name"] == main.name and isinstance(shell := _shell_in(main), Subshell):
                    thread["name"] = f"Subshell {shell.subshell_id}"
        return body

    async def end_step(self, thread: int) -> None:
        # It is obeyed at once, and answered when something goes on that is stopped; the other has its answer in turn.
        self._send("continue", {"threadId": thread}, Pending())
        await self._ask("threads", {})

    def before_cell(self) -> None:
        if sys.version_info < (3, 12) and sys.gettrace() is None:  # an interrupt of a stop has taken it away
            import debugpy  # noqa: T100  # it is no breakpoint

            debugpy.trace_this_thread(True)  # noqa: FBT003  # debugpy's signature

    async def _ask(self, command: str, arguments: Body) -> Body:
        answer: Pending[Body] = Pending()
        self._send(command, arguments, answer)
        response = await answer.wait(protect=True)
        if not response.get("success"):
            raise DebugError(response.get("message") or f"debugpy could not do {command}")
        return response.get("body") or {}

    def _send(self, command: str, arguments: Body, answer: Pending[Body]) -> None:
        if self._socket is None:
            msg = "debugpy has been disconnected: start the debugger again"
            raise DebugError(msg)
        with self._sending:
            number = next(self._sequence)
            self._waiting[number] = answer
            text = json.dumps({"type": "request", "seq": number, "command": command, "arguments": arguments}).encode()
            self._socket.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(text), text))

    async def stop(self) -> None:
        if self._socket is not None:
            await self.request("disconnect", {"restart": False, "terminateDebuggee": False})
            _hidden_thread("Debugger stops", _stop_tracing, self._socket, self._breakpoint_hook)
            await self._ended

    def _serve(self, connected: Pending[None]) -> None:
        """Have debugpy connect, and read what it sends. Runs in a thread."""
        try:
            connection = self._connect()
        except Exception as e:  # noqa: BLE001  # the edge: whatever it is, the client is told
            connected.set_exception(DebugError(f"debugpy does not start: {type(e).__name__}: {e}"))
            return
        self._socket, self._ended = connection, Pending()
        connected.set_result(None)
        with connection, connection.makefile("rb") as stream:
            while message := _read(stream):
                self._take(message)
        self._socket = None
        while self._waiting:
            self._waiting.popitem()[1].set_result({"message": "debugpy has been disconnected"})
        self._ended.set_result(None)

    def _connect(self) -> socket.socket:
        os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # a warning about what users cannot change
        sys._current_frames = current_frames  # debugpy takes it at each stop
        import debugpy  # noqa: T100  # it is no breakpoint

        debugpy.configure(subProcess=False)
        for thread in self._own_threads():
            _hide(thread)
        with socket.create_server(("127.0.0.1", 0)) as server:
            self._traces = Pending()
            _hidden_thread("Debugger starts", _trace, server.getsockname(), self._traces)
            connection, _ = server.accept()
            return connection

    def _take(self, message: Body) -> None:
        if message["type"] == "response" and (answer := self._waiting.pop(message["request_seq"], None)):
            answer.set_result(message)
        elif message["type"] == "event" and message["event"] not in _HIDDEN_EVENTS:
            self._on_event(message["event"], message.get("body") or {})


def _trace(address: tuple[str, int], traces: Pending[None]) -> None:
    """Begin a session, and wait until it has been configured."""
    import debugpy  # noqa: T100  # it is no breakpoint

    try:
        debugpy.connect(address)
    finally:
        traces.set_result(None)


def _printing(point: Body) -> Body:
    """A breakpoint whose log message, if it has one, is printed where the code is: debugpy would send it too late."""
    message = point.get("logMessage")
    if not message or point.get("hitCondition"):
        return point
    texts = _EXPRESSION.split(message)  # a text and an expression in turn
    parts = [f"str({text})" if index % 2 else repr(text) for index, text in enumerate(texts)]
    print_it = f"__import__('builtins').print({' + '.join(parts)})"
    rest = {name: value for name, value in point.items() if name != "logMessage"}
    return {**rest, "condition": f"({point.get('condition') or True}) and {print_it}"}


def _stop_tracing(connection: socket.socket, breakpoint_hook: Callable[..., object]) -> None:
    from debugpy.server import api

    api.pydevd.stoptrace()  # type: ignore[attr-defined]  # debugpy's own parts are typed by their public names
    sys.breakpointhook = breakpoint_hook
    connection.shutdown(socket.SHUT_RDWR)


def _read(stream: Any) -> Body | None:
    """The next message, None at the end."""
    length = 0
    while line := stream.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return json.loads(stream.read(length)) if length else None


def _shell_in(thread: threading.Thread) -> InteractiveShell | None:
    """The shell whose cell a thread runs."""
    for frame, _ in walk_stack(current_frames()[thread.ident or 0]):
        if frame.f_code is InteractiveShell.run_code.__code__:
            shell: InteractiveShell = frame.f_locals["self"]
            return shell
    return None


def _files_below() -> Iterator[str]:
    """The files of the frames of the main thread that are not the kernel's, from the outermost on."""
    frames = list(walk_stack(current_frames()[threading.main_thread().ident or 0]))
    for frame, _ in reversed(frames):
        if frame.f_code.co_filename.startswith(_FOLDERS):
            return
        yield frame.f_code.co_filename


def _hide(thread: threading.Thread) -> None:
    """Keep debugpy from a thread, by the attributes that it looks for."""
    thread.pydev_do_not_trace = thread.is_pydev_daemon_thread = True  # type: ignore[attr-defined]


def _hidden_thread(name: str, target: Callable[..., None], *args: object) -> None:
    thread = threading.Thread(name=name, target=target, args=args, daemon=True)
    _hide(thread)
    thread.start()
