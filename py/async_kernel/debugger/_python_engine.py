"""An engine in Python, for a kernel whose stacks can wait in place: those that stop keep nothing else waiting."""

from __future__ import annotations

import ast
import asyncio
import sys
import traceback
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from async_kernel.debugger._breakpoints import Breakpoint, codes_in, evaluation, lines_of, nearest
from async_kernel.debugger._engine import Body, DebugError, Engine
from async_kernel.debugger._frames import Scope, is_cell, name_of, stack_at, stack_of
from async_kernel.debugger._monitor import Monitor
from async_kernel.debugger._steps import Step
from async_kernel.debugger._stop import Stop
from async_kernel.debugger._variables import Variables
from async_kernel.shell._run import current_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from types import CodeType, FrameType

    from async_kernel.interface import BaseInterface

_MAIN: Final = 1
"""The thread of the main shell's cells."""
_REFERENCES: Final = 2**16
"""How many values a stop may number."""
_CONTROL_FLOW: Final = (StopIteration, StopAsyncIteration, GeneratorExit, asyncio.CancelledError, SystemExit)
"""Exceptions that are no errors."""
_CAPABILITIES: Final[Body] = {
    "supportsConfigurationDoneRequest": True,
    "supportsConditionalBreakpoints": True,
    "supportsHitConditionalBreakpoints": True,
    "supportsLogPoints": True,
    "supportsEvaluateForHovers": True,
    "supportsSetVariable": True,
    "supportsSetExpression": True,
    "supportsExceptionInfoRequest": True,
    "supportsModulesRequest": True,
    "supportsClipboardContext": True,
    "supportsTerminateRequest": True,
    "supportsDelayedStackTraceLoading": True,
    "exceptionBreakpointFilters": [
        {"filter": "raised", "label": "Raised Exceptions", "default": False},
        {"filter": "uncaught", "label": "Uncaught Exceptions", "default": True},
        {"filter": "userUnhandled", "label": "User Uncaught Exceptions", "default": False},
    ],
}


class PythonEngine(Engine):
    """Stops code by `sys.monitoring`.

    Args:
        interface: whose cells.
        wait: waits in place for an awaitable, while the event loop goes on.
    """

    def __init__(self, interface: BaseInterface, wait: Callable[[Awaitable[Any]], Any]) -> None:
        self._interface = interface
        self._wait = wait
        self._on_event: Callable[[str, Body], None] = lambda _, __: None
        self._monitor = Monitor(self)
        self._is_open = False
        self._scope = Scope()
        self._numbers = count(1)
        self._frames = 1
        self._references = 1
        self._breakpoints: dict[str, dict[int, Breakpoint]] = {}
        """By file and line."""
        self._filters: frozenset[str] = frozenset()
        """The kinds of exceptions that stop."""
        self._stops: dict[int, Stop] = {}
        self._names: dict[int, str] = {}
        """Of the threads that are stopped."""
        self._step: Step | None = None
        self._pausing = False
        self._commands: dict[str, Callable[[Body], Awaitable[Body]]] = {
            "initialize": self._initialize,
            "attach": self._attach,
            "configurationDone": self._nothing,
            "setBreakpoints": self._set_breakpoints,
            "setExceptionBreakpoints": self._set_exception_breakpoints,
            "threads": self._threads,
            "stackTrace": self._stack_trace,
            "scopes": self._scopes,
            "variables": self._variables,
            "setVariable": self._set_variable,
            "evaluate": self._evaluate,
            "setExpression": self._set_expression,
            "exceptionInfo": self._exception_info,
            "continue": self._continue,
            "next": lambda arguments: self._go("next", arguments),
            "stepIn": lambda arguments: self._go("stepIn", arguments),
            "stepOut": lambda arguments: self._go("stepOut", arguments),
            "pause": self._pause,
        }

    async def start(self, on_event: Callable[[str, Body], None]) -> None:
        self._on_event = on_event

    async def request(self, command: str, arguments: Body) -> Body:
        handler = self._commands.get(command)
        if handler is None:
            msg = f"the debugger has no command {command!r:.80}"
            raise DebugError(msg)
        return await handler(arguments)

    async def stop(self) -> None:
        self._breakpoints.clear()
        self._filters = frozenset()
        self._step, self._pausing = None, False
        if self._is_open:
            self._is_open = False
            self._monitor.close()
        self._resume_all()

    async def end_step(self, thread: int) -> None:  # noqa: ARG002  # there is one step at a time
        self._end_step()

    # --- the session

    async def _initialize(self, _: Body) -> Body:
        return _CAPABILITIES

    async def _attach(self, arguments: Body) -> Body:
        self._scope = Scope(just_my_code=bool(arguments.get("justMyCode", True)))
        if not self._is_open:
            self._monitor.open()
            self._is_open = True
        return {}

    async def _nothing(self, _: Body) -> Body:
        return {}

    # --- breakpoints

    async def _set_breakpoints(self, arguments: Body) -> Body:
        path = str(arguments["source"]["path"])
        asked: Sequence[Body] = arguments.get("breakpoints") or []
        lines = self._lines(path)
        problem = self._problem(path, lines)
        points: dict[int, Breakpoint] = {}
        shown = []
        for each in asked:
            line = int(each["line"]) if problem or not lines else nearest(lines, int(each["line"]))
            point = Breakpoint.asked(next(self._numbers), line, each)
            points[line] = point
            shown.append(
                {
                    "verified": not problem,
                    "id": point.number,
                    **({"message": problem} if problem else {}),
                    "source": {"path": path},
                    "line": line,
                }
            )
        self._breakpoints.pop(path, None)
        if points and not problem:
            self._breakpoints[path] = points
        for code in self._monitor.codes():
            if code.co_filename == path:
                self._arm(code)
        self._monitor.restart()
        return {"breakpoints": shown}

    def _lines(self, path: str) -> set[int] | None:
        """The lines of a file with code; None if that cannot be said."""
        try:
            text = Path(path).read_text(encoding="utf-8", errors="surrogatepass")
            if path.startswith(self._interface.kernel.cell_files.prefix):
                text = self._interface.kernel.main_shell.transform_cell(text)
            code = compile(text, path, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except (OSError, SyntaxError, ValueError):
            return None
        return set().union(*(lines_of(each) for each in codes_in(code)))

    def _problem(self, path: str, lines: set[int] | None) -> str:
        """Why nothing can stop in a file."""
        if lines is None and not Path(path).exists():
            return "Breakpoint in file that does not exist."
        if not self._scope.includes(path):
            return "Breakpoint in a library: attach with justMyCode false to stop there."
        return ""

    def _arm(self, code: CodeType) -> None:
        """Watch code, if it is to stop somewhere."""
        points = self._breakpoints.get(code.co_filename, ())
        step = self._step
        stepping = step is not None and any(code is each for each in step.codes)
        lines = self._pausing or stepping or (bool(points) and not lines_of(code).isdisjoint(points))
        self._monitor.watch(code, lines=lines, returns=stepping and step is not None and step.leaving is not None)

    async def _set_exception_breakpoints(self, arguments: Body) -> Body:
        self._filters = frozenset(arguments.get("filters") or ())
        self._monitor.watch_exceptions(on=bool(self._filters))
        return {}

    # --- what the monitor tells

    def started(self, frame: FrameType) -> bool:
        """A frame begins, or goes on. Returns whether to be told again."""
        if not self._scope.has(frame):
            return False
        self._monitor.know(frame.f_code)
        if self._step and self._step.enters(frame):
            self._step.frames.append(frame)
        self._arm(frame.f_code)
        return self._step is not None

    def on_line(self, frame: FrameType, line: int) -> bool:
        """A frame comes to a line. Returns whether to be told again."""
        point = self._breakpoints.get(frame.f_code.co_filename, {}).get(line)
        if point and self._reached(point, frame):
            self._stop_in(frame, "breakpoint", hitBreakpointIds=[point.number])
        elif self._step and self._step.watches(frame):
            self._stop_in(frame, "step")
        elif self._pausing and self._scope.has(frame):
            self._stop_in(frame, "pause")
        return point is not None or self._pausing or self._step is not None

    def returning(self, frame: FrameType) -> bool:
        """A frame returns. Returns whether to be told again."""
        step = self._step
        if step and step.leaving is frame:
            caller = next(stack_of(frame.f_back, self._scope), None)
            if caller and not is_cell(frame):
                self._stop_in(caller[0], "step")
            else:
                step.leaving = None  # it goes on to the next statement of the cell
        return self._step is not None

    def raised(self, frame: FrameType, error: BaseException) -> None:
        """An exception is raised in a frame, or comes to it from a library."""
        if "raised" in self._filters and self._is_error(frame, error):
            inner = list(stack_at(error.__traceback__, frame, self._scope))
            if inner[0][0] is frame:
                self._stop_in(frame, "exception", error)

    def unwinding(self, frame: FrameType, error: BaseException) -> None:
        """An exception leaves a frame."""
        if not self._filters & {"uncaught", "userUnhandled"} or not self._is_error(frame, error):
            return
        outer = next(stack_of(frame.f_back, self._scope), None) if not is_cell(frame) else None
        if outer is None or ("userUnhandled" in self._filters and outer[0] is not frame.f_back):
            self._stop_in(frame, "exception", error, stack_at(error.__traceback__, frame, self._scope))

    def _is_error(self, frame: FrameType, error: BaseException) -> bool:
        return not isinstance(error, _CONTROL_FLOW) and self._scope.has(frame)

    def _reached(self, point: Breakpoint, frame: FrameType) -> bool:
        try:
            return point.stops(evaluation(frame.f_globals, frame.f_locals))
        except Exception as e:  # noqa: BLE001  # a user's condition
            print(f"The condition {point.condition!r} of a breakpoint failed: {type(e).__name__}: {e}", file=sys.stderr)  # noqa: T201
            return False

    # --- stopping

    def _stop_in(
        self,
        frame: FrameType,
        reason: str,
        error: BaseException | None = None,
        frames: Any = None,
        **more: Any,
    ) -> None:
        """Stop the calling stack in a frame until a client lets it go on."""
        self._end_step()
        if self._pausing:
            self._pause_next(on=False)
        shown = list(frames or stack_of(frame, self._scope))
        thread = self._thread(frame)
        stop = Stop(thread, shown, self._frames, Variables(self._references), current_run(), error)
        self._frames += len(shown)
        self._references += _REFERENCES
        self._stops[thread] = stop
        if error is not None:
            more |= {"description": str(error), "text": type(error).__name__}
        self._on_event(
            "stopped",
            {"reason": reason, "threadId": thread, "preserveFocusHint": False, "allThreadsStopped": False, **more},
        )
        try:
            stop.wait(self._wait)
        except RuntimeError as e:  # in a callback of JavaScript
            print(f"The debugger cannot stop here: {e}", file=sys.stderr)  # noqa: T201  # for the cell
        finally:
            del self._stops[thread]
            self._on_event("continued", {"threadId": thread, "allThreadsContinued": False})

    def _thread(self, frame: FrameType) -> int:
        """The number of the calling stack, and its name."""
        run = current_run()
        inside: FrameType | None = frame
        while inside is not None and not is_cell(inside):
            inside = inside.f_back
        if inside is None:
            task = asyncio.current_task()
            name = task.get_name() if task else "Callback"
        elif run in self._interface.kernel.main_shell.runs:
            name = "MainThread"
        else:
            name = next((f"Subshell {i}" for i, s in self._interface.kernel.subshells.items() if run in s.runs), "Cell")
        number = _MAIN if name == "MainThread" and _MAIN not in self._stops else _MAIN + next(self._numbers)
        self._names[number] = name
        return number

    def _end_step(self) -> None:
        step, self._step = self._step, None
        for code in step.codes if step else ():
            self._arm(code)

    def _stopped(self, arguments: Body) -> Stop:
        stop = self._stops.get(cast("int", arguments.get("threadId")))
        if stop is None:
            msg = "nothing is stopped there"
            raise DebugError(msg)
        return stop

    def _stop_of_frame(self, number: object) -> Stop:
        for stop in self._stops.values():
            if isinstance(number, int) and stop.first_frame <= number < stop.first_frame + len(stop.frames):
                return stop
        msg = "the code has gone on: this frame is not known any more"
        raise DebugError(msg)

    def _stop_of_variables(self, reference: int) -> Stop:
        for stop in self._stops.values():
            if stop.variables.first <= reference < stop.variables.first + _REFERENCES:
                return stop
        msg = "the code has gone on: this value is not known any more"
        raise DebugError(msg)

    # --- going on

    async def _continue(self, _: Body) -> Body:
        self._resume_all()
        return {"allThreadsContinued": True}

    def _resume_all(self) -> None:
        for stop in self._stops.values():
            stop.go_on()

    async def _go(self, kind: Literal["next", "stepIn", "stepOut"], arguments: Body) -> Body:
        stop = self._stopped(arguments)
        frames = [frame for frame, _ in stop.frames]
        leaving = frames.pop(0) if kind == "stepOut" and frames else None
        self._step = step = Step(kind, frames, leaving, stop.cell_run)
        for code in step.codes:
            self._arm(code)
        self._monitor.restart()
        stop.go_on()
        return {}

    async def _pause(self, _: Body) -> Body:
        self._pause_next(on=True)
        return {}

    def _pause_next(self, *, on: bool) -> None:
        """Stop at the next line of whatever runs, or not."""
        self._pausing = on
        self._monitor.watch_all_lines(on=on)
        for code in self._monitor.codes():  # Python does not see what runs in a stack that waits
            self._arm(code)
        self._monitor.restart()

    # --- looking

    async def _threads(self, _: Body) -> Body:
        names = {_MAIN: "MainThread", **{number: self._names[number] for number in self._stops}}
        return {"threads": [{"id": number, "name": name} for number, name in names.items()]}

    async def _stack_trace(self, arguments: Body) -> Body:
        stop = self._stopped(arguments)
        frames = [
            {
                "id": stop.first_frame + index,
                "name": name_of(frame.f_code),
                "line": line,
                "column": 1,
                "source": {"path": frame.f_code.co_filename, "sourceReference": 0},
            }
            for index, (frame, line) in enumerate(stop.frames)
        ]
        first = arguments.get("startFrame") or 0
        levels = arguments.get("levels") or len(frames)
        return {"stackFrames": frames[first : first + levels], "totalFrames": len(frames)}

    async def _scopes(self, arguments: Body) -> Body:
        number = arguments.get("frameId")
        stop = self._stop_of_frame(number)
        frame = stop.frame(cast("int", number))
        scopes = [
            {
                "name": "Locals",
                "variablesReference": stop.variables.scope(frame.f_locals, frame.f_locals),
                "expensive": False,
                "presentationHint": "locals",
                "source": {},
            },
            {
                "name": "Globals",
                "variablesReference": stop.variables.scope(frame.f_globals, frame.f_globals),
                "expensive": False,
                "source": {},
            },
        ]
        return {"scopes": scopes}

    async def _variables(self, arguments: Body) -> Body:
        reference = arguments["variablesReference"]
        start, number = arguments.get("start") or 0, arguments.get("count") or None
        stop = self._stop_of_variables(reference)
        return {"variables": await stop.run(lambda: stop.variables.children(reference, start, number))}

    async def _set_variable(self, arguments: Body) -> Body:
        reference, name, text = arguments["variablesReference"], str(arguments["name"]), str(arguments["value"])
        stop = self._stop_of_variables(reference)
        frame = stop.frames[0][0]
        return await stop.run(lambda: stop.variables.assign(reference, name, text, frame.f_globals, frame.f_locals))

    async def _evaluate(self, arguments: Body) -> Body:
        number, code = arguments.get("frameId"), str(arguments.get("expression"))
        stop = self._stop_of_frame(number)
        frame = stop.frame(cast("int", number))
        whole = arguments.get("context") == "clipboard"
        return await stop.run(lambda: stop.variables.evaluate(code, frame.f_globals, frame.f_locals, whole=whole))

    async def _set_expression(self, arguments: Body) -> Body:
        number, target, text = arguments.get("frameId"), str(arguments["expression"]), str(arguments["value"])
        stop = self._stop_of_frame(number)
        frame = stop.frame(cast("int", number))

        def assign() -> Body:
            stop.variables.evaluate(f"{target} = {text}", frame.f_globals, frame.f_locals)
            shown = stop.variables.evaluate(target, frame.f_globals, frame.f_locals)
            return {"value": shown.pop("result"), **shown}

        return await stop.run(assign)

    async def _exception_info(self, arguments: Body) -> Body:
        stop = self._stopped(arguments)
        error = stop.error
        if error is None:
            msg = "it did not stop for an exception"
            raise DebugError(msg)
        name = type(error).__name__
        lines = [traceback.FrameSummary(f.f_code.co_filename, line, name_of(f.f_code)) for f, line in stop.frames]
        return {
            "exceptionId": name,
            "breakMode": "always" if "raised" in self._filters else "unhandled",
            "description": str(error),
            "details": {
                "message": str(error),
                "typeName": name,
                "stackTrace": "".join(traceback.StackSummary.from_list(lines).format()),
                "source": stop.frames[0][0].f_code.co_filename,
            },
        }
