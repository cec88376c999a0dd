"""The Debug Adapter Protocol as Jupyter carries it: `debug_request`, its reply, and `debug_event`.

Sections "Debug request" and "Additions to the DAP" of the messaging specification. What concerns cells and the
namespace is answered here, the rest by the engine.
"""

from __future__ import annotations

import ast
import linecache
import sys
from itertools import count
from typing import TYPE_CHECKING, Any, Final, cast

from traitlets import Bool

from async_kernel._has_interface import HasInterface
from async_kernel._requests.fields import field
from async_kernel.debugger._cell_files import HASH_METHOD, HASH_SEED, SUFFIX
from async_kernel.debugger._engine import Body, DebugError, Engine
from async_kernel.debugger._variables import Variables

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from async_kernel._context import Request
    from async_kernel._kernel import Kernel
    from async_kernel._wire import Content, Message

_FIRST_OWN_REFERENCE: Final = 2**30
"""Variables with references from here on are of the namespace; those below are the engine's."""
_FORWARDED: Final = frozenset(
    (
        "configurationDone",
        "exceptionInfo",
        "goto",
        "gotoTargets",
        "pause",
        "scopes",
        "setExceptionBreakpoints",
        "setExpression",
        "setFunctionBreakpoints",
        "setVariable",
        "stepInTargets",
        "threads",
    )
)

_RESUMING: Final = frozenset(("continue", "next", "stepIn", "stepOut"))


class Debugger(HasInterface):
    """Answers debug requests.

    Args:
        kernel: whose cells.
        engine: stops them.
    """

    just_my_code = Bool(
        default_value=True,
        help="Do not stop in, or step into, the standard library and installed packages. A client's `attach` may ask "
        "for it with `justMyCode`.",
    ).tag(config=True)

    def __init__(self, *, kernel: Kernel, engine: Engine, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._kernel = kernel
        self._engine = engine
        self._files = kernel.cell_files
        self._sequence = count(1)
        self._namespace = Variables(_FIRST_OWN_REFERENCE)
        self._capabilities: Body | None = None
        """The engine's, once a client has said hello."""
        self.is_started = False
        """Whether a client is attached."""
        self._breakpoints: dict[str, list[Body]] = {}
        self._stopped: dict[int, None] = {}
        """The threads that are stopped, in the order in which they stopped."""
        self._unfinished: int | None = None
        """The thread that left a stop by a step, which may find no line to stop at, or by an interrupt."""
        self._parent: Message | None = None
        """The request that events belong to: clients drop those of none."""
        own = (
            self.attach,
            self.copyToGlobals,
            self.debugInfo,
            self.disconnect,
            self.dumpCell,
            self.evaluate,
            self.initialize,
            self.inspectVariables,
            self.modules,
            self.richInspectVariables,
            self.setBreakpoints,
            self.source,
            self.stackTrace,
            self.terminate,
            self.variables,
        )
        self._commands: dict[str, Callable[[Body], Awaitable[Body]]] = {f.__name__: f for f in own}

    async def handle(self, request: Request) -> Content:
        """Answer a debug request with a response of the Debug Adapter Protocol."""
        command = field(request, "command", str)
        arguments = field(request, "arguments", dict, None) or {}
        self._parent = request.msg
        response: Content = {
            "type": "response",
            "seq": next(self._sequence),
            "request_seq": request.content.get("seq", 0),
            "command": command,
            "success": True,
        }
        try:
            response["body"] = await self._answer(command, arguments)
        except DebugError as e:
            response |= {"success": False, "message": str(e), "body": {}}
        return response

    @property
    def is_stopped(self) -> bool:
        """Whether code is stopped."""
        return bool(self._stopped)

    async def before_cell(self) -> None:
        """Get ready for a cell that begins in the calling thread."""
        if not self.is_started:
            return
        if self._unfinished is not None and not self._stopped and not self._kernel.runs:
            thread, self._unfinished = self._unfinished, None
            await self._engine.end_step(thread)
        self._engine.before_cell()

    async def close(self) -> None:
        """End the session: no breakpoints any more, nothing is stopped."""
        if self._capabilities is None:
            return
        self.is_started, self._capabilities = False, None
        self._breakpoints.clear()
        await self._engine.stop()
        self._all_continued()

    async def _answer(self, command: str, arguments: Body) -> Body:
        if own := self._commands.get(command):
            return await own(arguments)
        if command in _RESUMING:
            return await self._resume(command, arguments)
        if command not in _FORWARDED:
            msg = f"there is no debug command {command!r:.80}"
            raise DebugError(msg)
        return await self._ask(command, arguments)

    async def _resume(self, command: str, arguments: Body) -> Body:
        """Let a thread go on that is stopped. Engines give no answer for one that is not."""
        if arguments.get("threadId") not in self._stopped:
            if command == "continue":
                return {"allThreadsContinued": True}
            msg = "nothing is stopped there"
            raise DebugError(msg)
        if command == "continue":
            self._stopped.clear()
        else:
            self._unfinished = arguments["threadId"]
            del self._stopped[arguments["threadId"]]
        return await self._ask(command, arguments)

    async def _ask(self, command: str, arguments: Body) -> Body:
        if not self.is_started:
            msg = f"the debugger has not been started: send initialize and attach before {command}"
            raise DebugError(msg)
        return await self._engine.request(command, arguments)

    # --- events

    def _on_event(self, event: str, body: Body) -> None:
        """Pass on an event of the engine. Called from any thread."""
        if event == "initialized":
            return  # `attach` says so, to each client
        thread = body.get("threadId")
        if event == "stopped":
            self._stopped[cast("int", thread)] = None
        elif event == "continued" and thread in self._stopped:  # by an interrupt, and not by a client
            self._unfinished = cast("int", thread)
        if event == "continued" and body.get("allThreadsContinued", True):
            self._stopped.clear()
        elif event == "continued" or (event == "thread" and body.get("reason") == "exited"):
            self._stopped.pop(cast("int", thread), None)
        self._send(event, body)

    def _send(self, event: str, body: Body) -> None:
        content = {"type": "event", "seq": next(self._sequence), "event": event, "body": body}
        self.parent.iopub_send("debug_event", content=content, parent=self._parent)

    def _all_continued(self) -> None:
        while self._stopped:
            thread, _ = self._stopped.popitem()
            self._send("continued", {"threadId": thread, "allThreadsContinued": False})

    # --- the session: what each command does, by its name

    async def debugInfo(self, _: Body) -> Body:  # noqa: N802  # the command's name
        """What a client needs to know before anything else."""
        return {
            "isStarted": self.is_started,
            "hashMethod": HASH_METHOD,
            "hashSeed": HASH_SEED,
            "tmpFilePrefix": self._files.prefix,
            "tmpFileSuffix": SUFFIX,
            "breakpoints": [{"source": path, "breakpoints": points} for path, points in self._breakpoints.items()],
            "stoppedThreads": list(self._stopped),
            "richRendering": True,
            "exceptionPaths": ["Python Exceptions"],
            "copyToGlobals": True,
        }

    async def initialize(self, arguments: Body) -> Body:
        """Start the engine; a client that comes later, or back, finds it as it is."""
        if self._capabilities is None:
            await self._engine.start(self._on_event)
            self._capabilities = await self._engine.request("initialize", {"adapterID": "", **arguments})
        return self._capabilities

    async def attach(self, arguments: Body) -> Body:
        """Begin to stop at breakpoints."""
        if self._capabilities is None:
            msg = "the debugger has not been started: send initialize before attach"
            raise DebugError(msg)
        if not self.is_started:
            await self._engine.request("attach", {"justMyCode": self.just_my_code, **arguments})
            await self._engine.request("configurationDone", {})
            self.is_started = True
        self._send("initialized", {})
        return {}

    async def disconnect(self, _: Body) -> Body:
        """End the session. Code goes on."""
        await self.close()
        return {}

    async def terminate(self, _: Body) -> Body:
        """End the session. The kernel is left running: it belongs to more than the debugger."""
        await self.close()
        return {}

    # --- sources

    async def dumpCell(self, arguments: Body) -> Body:  # noqa: N802  # the command's name
        """Write a cell to its file."""
        try:
            return {"sourcePath": self._files.write(_text(arguments, "code"))}
        except OSError as e:
            msg = f"the cell could not be written: {e}"
            raise DebugError(msg) from e

    async def source(self, arguments: Body) -> Body:
        """The text of a file or a cell."""
        source = arguments.get("source") or {}
        path = source.get("path")
        if not isinstance(path, str):
            return await self._ask("source", arguments)
        linecache.checkcache(path)
        module = next((m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == path), None)
        lines = linecache.getlines(path, vars(module) if module else None)  # which may be in a zip file
        if not lines:
            msg = f"there is no source of {path}"
            raise DebugError(msg)
        return {"content": "".join(lines), "mimeType": "text/x-python"}

    async def setBreakpoints(self, arguments: Body) -> Body:  # noqa: N802  # the command's name
        """Set the breakpoints of a file or a cell, in place of those it has."""
        path = _text(arguments.get("source") or {}, "path")
        asked: list[Body] = arguments.get("breakpoints") or []
        body = await self._ask("setBreakpoints", arguments)
        lines = [point.get("line") for point in body.get("breakpoints", [])]
        points = [{**point, "line": line or point.get("line")} for point, line in zip(asked, lines, strict=False)]
        self._breakpoints.pop(path, None)
        if points:
            self._breakpoints[path] = points
        return body

    async def modules(self, arguments: Body) -> Body:
        """The modules that have a source."""
        paths = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
        sources = [(name, path) for name, path in paths.items() if isinstance(path, str) and path.endswith(".py")]
        found = [{"id": number, "name": name, "path": path} for number, (name, path) in enumerate(sources)]
        first = arguments.get("startModule") or 0
        wanted = arguments.get("moduleCount") or len(found)
        return {"modules": found[first : first + wanted], "totalModules": len(found)}

    # --- frames and variables

    async def stackTrace(self, arguments: Body) -> Body:  # noqa: N802  # the command's name
        """The frames of a stopped thread, without those of the kernel below the cell."""
        body = await self._ask("stackTrace", arguments)
        frames: list[Body] = body["stackFrames"]
        for index, frame in enumerate(frames):
            if index and _is_internal(frame):
                return {"stackFrames": frames[:index], "totalFrames": index}
        return body

    async def variables(self, arguments: Body) -> Body:
        """What a scope or a value is made of."""
        reference = arguments.get("variablesReference")
        if not isinstance(reference, int):
            msg = f"variablesReference must be a number, got {reference!r:.80}"
            raise DebugError(msg)
        if reference < _FIRST_OWN_REFERENCE:
            return await self._ask("variables", arguments)
        start, number = arguments.get("start") or 0, arguments.get("count") or None
        return {"variables": self._namespace.children(reference, start, number)}

    async def inspectVariables(self, _: Body) -> Body:  # noqa: N802  # the command's name
        """The variables of the namespace. Answered whether or not something runs."""
        shell = self._kernel.shell
        shown = {name: value for name, value in list(shell.user_ns.items()) if not _is_hidden(shell, name)}
        self._namespace.clear()
        return {"variables": self._namespace.children(self._namespace.scope(shown, shell.user_ns))}

    async def evaluate(self, arguments: Body) -> Body:
        """The value of an expression, in a frame, or in the namespace where none is given."""
        if arguments.get("frameId") is not None:
            return await self._ask("evaluate", arguments)
        namespace = self._kernel.shell.user_ns
        return self._namespace.evaluate(_text(arguments, "expression"), namespace, namespace)

    async def richInspectVariables(self, arguments: Body) -> Body:  # noqa: N802  # the command's name
        """A variable in all its representations, as a cell shows it."""
        name = _text(arguments, "variableName")
        frame = arguments.get("frameId")
        if self._stopped and frame is not None:
            expression = f"__import__('IPython').get_ipython().display_formatter.format({name})"
            body = await self._ask("evaluate", {"expression": expression, "frameId": frame, "context": "clipboard"})
            data, metadata = ast.literal_eval(body["result"])
        else:
            shell = self._kernel.shell
            if name not in shell.user_ns:
                msg = f"there is no variable {name!r:.80}"
                raise DebugError(msg)
            data, metadata = _format(shell, shell.user_ns[name])
        return {"data": data, "metadata": metadata}

    async def copyToGlobals(self, arguments: Body) -> Body:  # noqa: N802  # the command's name
        """Copy a variable of a frame into the namespace."""
        target, source = _text(arguments, "dstVariableName"), _text(arguments, "srcVariableName")
        return await self._ask(
            "setExpression",
            {"expression": f"globals()[{target!r}]", "value": source, "frameId": arguments.get("srcFrameId")},
        )


def _format(shell: Any, value: object) -> tuple[dict[str, Any], dict[str, Any]]:
    shown: tuple[dict[str, Any], dict[str, Any]] = shell.display_formatter.format(value)
    return shown


def _text(arguments: Body, name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str):
        msg = f"{name} must be a text, got {value!r:.80}"
        raise DebugError(msg)
    return value


def _is_hidden(shell: Any, name: str) -> bool:
    """Whether a name is in the namespace for IPython's sake."""
    return name.startswith("_") or name in shell.user_ns_hidden


def _is_internal(frame: Body) -> bool:
    path = str((frame.get("source") or {}).get("path", "")).replace("\\", "/")
    return path.endswith("IPython/core/interactiveshell.py") or "/async_kernel/" in path
