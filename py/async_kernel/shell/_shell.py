"""The IPython shell of the kernel."""

from __future__ import annotations

import ast
import atexit
import inspect
import math
import os
import re
import subprocess
import sys
import traceback
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self, cast

import anyio
from IPython.core import page, payloadpage
from IPython.core.autocall import ZMQExitAutocall
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magics.script import ScriptMagics
from IPython.utils.text import SList
from traitlets import Bool, Float, Instance, Type

from async_kernel._errors import causes
from async_kernel._has_interface import HasInterface
from async_kernel._platform import HAS_THREADS
from async_kernel.caller._host import current_host
from async_kernel.debugger._cell_files import CellCompiler
from async_kernel.shell import _process
from async_kernel.shell._awaited import AwaitedCalls, set_awaited
from async_kernel.shell._cell_history import CellHistory
from async_kernel.shell._display import KernelDisplayHook, KernelDisplayPublisher
from async_kernel.shell._formatter import KernelDisplayFormatter
from async_kernel.shell._magics import magics
from async_kernel.shell._payloads import RunPayloads
from async_kernel.shell._prefilter import CellPrefilter
from async_kernel.shell._process import CAN_AWAIT, HAS_PROCESSES
from async_kernel.shell._run import CellRun, awaiting, current_run, run_context, take_may_await
from async_kernel.shell._transformer import CellTransformer
from async_kernel.shell._traps import HeldBuiltins, HeldDisplayHook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType, TracebackType

    from IPython.core.interactiveshell import ExecutionResult

    from async_kernel._kernel import Kernel


def _holds_group(error: BaseException | None) -> bool:
    """Whether an exception group is in the chain of `error`, which IPython cannot format."""
    return any(isinstance(each, BaseExceptionGroup) for each in causes(error))


def _is_stop(error: BaseException) -> bool:
    """Whether `error` is what stops a cell from outside, or is made up of such."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_stop(e) for e in error.exceptions)
    return isinstance(error, (KeyboardInterrupt, anyio.get_cancelled_exc_class()))


class AsyncInteractiveShell(HasInterface, InteractiveShell):
    """Runs cells, with `await` at their top level, and sends what they show."""

    displayhook_class = Type(KernelDisplayHook)
    display_pub_class = Type(KernelDisplayPublisher)
    input_transformer_manager = Instance(CellTransformer, ())
    exiter = Instance(ZMQExitAutocall)
    autoindent = Bool(default_value=False)
    # No traits, which take many times as long: every cell sets them, nobody observes them.
    last_execution_succeeded = True
    last_execution_result: ExecutionResult | None = None
    timeout = Float(0.0, min=0.0, help="Seconds that an execute request may take; 0 for no limit.").tag(config=True)

    def __init__(self, *, kernel: Kernel, **kwargs: Any) -> None:
        self.runs: list[CellRun] = []
        """The cells that are running."""
        self.ending: str | None = None
        """Why no more cells are to run."""
        self.kernel: Kernel = kernel
        self.keepkernel_on_exit: bool | None = None
        super().__init__(**kwargs)

    def init_instance_attrs(self) -> None:
        super().init_instance_attrs()
        self.compile = CellCompiler(self.kernel.cell_files)

    def _exiter_default(self) -> ZMQExitAutocall:
        return ZMQExitAutocall(self)

    def init_display_pub(self) -> None:
        super().init_display_pub()
        cast("KernelDisplayPublisher", self.display_pub).iopub_send = self.parent.iopub_send

    def init_display_formatter(self) -> None:
        self.display_formatter = KernelDisplayFormatter(parent=self)
        cast("list[object]", self.configurables).append(self.display_formatter)

    def init_displayhook(self) -> None:
        super().init_displayhook()
        cast("KernelDisplayHook", self.displayhook).iopub_send = self.parent.iopub_send
        self.display_trap = HeldDisplayHook(hook=self.kernel.show_result)

    def init_hooks(self) -> None:
        super().init_hooks()
        self.set_hook("show_in_pager", page.as_hook(payloadpage.page), 99)

    def init_magics(self) -> None:
        super().init_magics()
        self.register_magics(*magics())

    def init_history(self) -> None:
        if HAS_THREADS and find_spec("_sqlite3"):
            from async_kernel.shell._history import KernelHistory

            self.history_manager = KernelHistory(shell=self, parent=self)
            cast("list[object]", self.configurables).append(self.history_manager)
        else:  # the database of a file is written by a thread
            self.history_manager = CellHistory(shell=self, parent=self, hist_file=":memory:")

    def init_payload(self) -> None:
        self.payload_manager = RunPayloads(parent=self)

    def init_environment(self) -> None:
        """Tell programs that cells start what they can expect of the client: colours, and no pager."""
        os.environ.update(TERM="xterm-color", CLICOLOR="1", PAGER="cat", GIT_PAGER="cat")

    def enable_gui(self, gui: str | None = None) -> None:
        """What `%gui` does, and `%matplotlib` last. Where the host is that GUI there is nothing to do.

        Raises:
            UsageError: its main loop does not run here.
        """
        host = current_host()
        if gui in {None, "inline"} or (host and gui in host.guis):
            return
        here = f"the host {host.name!r}" if host else "no event loop of a GUI"
        msg = f"this kernel runs {here}, and {gui!r} needs its own. "
        if name := "tk" if gui == "tk" else "qt" if gui in {"qt", "qt5", "qt6"} else "":
            command = f"async-kernel install --name=async-{name} --host={name}"
            msg += f"Add a kernel with it (in a terminal: {command}) and choose that, or use "
        else:
            msg += "Use "
        msg += ", ".join(f"%matplotlib {word}" for word in (*(host.guis[:1] if host else ()), "inline", "widget"))
        raise UsageError(msg)

    def enable_matplotlib(self, gui: str | None = None) -> tuple[str | None, str]:
        """What `%matplotlib` and `%pylab` do."""
        from IPython.core.pylabtools import find_gui_and_backend

        if gui is None and (host := current_host()) and host.guis:
            gui = host.guis[0]
        if gui is not None:
            self.enable_gui(find_gui_and_backend(gui)[0])  # before matplotlib changes anything
        return cast("tuple[str | None, str]", super().enable_matplotlib(gui))

    def init_prefilter(self) -> None:
        self.prefilter_manager = CellPrefilter(shell=self, parent=self)
        cast("list[object]", self.configurables).append(self.prefilter_manager)
        self.prefilter = self.prefilter_manager.prefilter_lines

    def init_builtins(self) -> None:
        super().init_builtins()
        self.builtin_trap = HeldBuiltins(shell=self)

    def get_ipython(self) -> AsyncInteractiveShell:
        """The shell of the calling code."""
        return self.kernel.shell

    async def run(
        self,
        code: str,
        *,
        store_history: bool = True,
        silent: bool = False,
        timeout: float | None = None,
        cell_id: str | None = None,
        cell_meta: dict[str, Any] | None = None,
    ) -> tuple[CellRun, ExecutionResult]:
        """Run a cell in the calling task.

        Args:
            code: the cell.
            store_history: count the cell and keep it in the history.
            silent: show no result and count nothing.
            timeout: seconds that it may take, 0 for no limit, None for the shell's `timeout`.
            cell_id: the notebook's id of the cell.
            cell_meta: metadata of the request, for IPython's event callbacks.
        """
        transformed, failure = code, None
        try:
            transformed = self.transform_cell(code)
        except Exception:  # noqa: BLE001  # any transformer's error is the cell's, shown as such
            failure = sys.exc_info()
        run = CellRun(transformed, self.execution_count, timeout=self.timeout if timeout is None else timeout)
        run.scope.deadline = anyio.current_time() + run.timeout if run.timeout else math.inf
        result: ExecutionResult | None = None
        self.runs.append(run)
        if self.ending:  # it began in a thread while the others were being stopped
            run.stop(KeyboardInterrupt(self.ending))
        try:
            with run_context(run), awaiting(allowed=True), run.scope:
                result = await self.run_cell_async(
                    code,
                    store_history=store_history,
                    silent=silent,
                    transformed_cell=transformed,
                    preprocessing_exc_tuple=failure,
                    cell_id=cell_id,
                    cell_meta=cell_meta,
                )
        finally:
            self.runs.remove(run)
            run.ended.set_result(None)
            self.events.trigger("post_execute")
            if not silent:
                self.events.trigger("post_run_cell", result)
        # The shell turns a cancellation into the cell's error: there is always a result.
        return run, cast("ExecutionResult", result)

    def run_cell(self, *args: Any, **kwargs: Any) -> ExecutionResult:
        """Run code to its end before returning, as `%%capture` and other callers within a cell expect."""
        with awaiting(allowed=False):
            return cast("ExecutionResult", super().run_cell(*args, **kwargs))

    async def run_code(self, code_obj: CodeType, *args: Any, **kwargs: Any) -> bool:
        self.kernel.before_code()
        run = current_run()
        if run and not run.is_prepared and self.kernel.before_cell:
            run.is_prepared = True
            await self.kernel.before_cell(run.code)
        self.kernel.cells.note(code_obj)
        return cast("bool", await super().run_code(code_obj, *args, **kwargs))

    def transform_ast(self, node: ast.AST) -> ast.AST:
        node = super().transform_ast(node)
        run = current_run()
        set_awaited(awaited=False)  # a magic that prepares code has no use for what others in it return
        if take_may_await() and run and "get_ipython()" in run.code:
            node = ast.fix_missing_locations(AwaitedCalls().visit(node))
        return node

    def close(self) -> None:
        """Save the history, remove temporary files, and leave `sys` as it was."""
        atexit.unregister(self.atexit_operations)
        for magic in self.magics_manager.registry.values():
            if isinstance(magic, ScriptMagics):
                atexit.unregister(magic.kill_bg_processes)
                magic.kill_bg_processes()
        # Emptying it collects garbage: with many shells, one after another, that takes longer than clients wait.
        self.displayhook.do_full_cache = False
        self.atexit_operations()
        self.cleanup()

    @property
    def awaited_magics(self) -> Self:
        """This shell, to run a magic whose result goes to `finished`."""
        set_awaited(awaited=True)
        return self

    async def finished(self, result: object) -> object:
        """The result of a magic, awaited if it is a coroutine."""
        set_awaited(awaited=False)
        return await result if inspect.isawaitable(result) else result

    async def system_awaited(self, cmd: str) -> None:
        """Run a shell command as `system` does, other messages being handled meanwhile."""
        if HAS_PROCESSES and (not CAN_AWAIT or cmd.rstrip().endswith("&")):
            self.system(self.var_expand(cmd, depth=1))
            return
        code = await _commands().run(self.var_expand(cmd, depth=1))
        self._command_ended(cmd, code)

    async def getoutput_awaited(self, cmd: str) -> SList:
        """The output of a shell command, as `getoutput` gives it, other messages being handled meanwhile."""
        if HAS_PROCESSES and (not CAN_AWAIT or cmd.rstrip().endswith("&")):
            return cast("SList", self.getoutput(cmd, depth=1))
        text, code = await _commands().output(self.var_expand(cmd, depth=1))
        self._command_ended(cmd, code)
        return SList(text.splitlines())

    if not HAS_PROCESSES:

        def system(self, cmd: str) -> None:
            """Run a command line to its end."""
            command = self.var_expand(cmd, depth=1)
            self._command_ended(cmd, _commands().finished(_commands().run(command)))

        def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> SList | str:  # IPython's signature
            """The output of a command line, run to its end."""
            text, code = _commands().finished(_commands().output(self.var_expand(cmd, depth=depth + 1)))
            self._command_ended(cmd, code)
            return SList(text.splitlines()) if split else text

    def _command_ended(self, cmd: str, code: int) -> None:
        self.user_ns["_exit_code"] = code
        if self.system_raise_on_error and code:
            raise subprocess.CalledProcessError(code, cmd)

    def ask_exit(self) -> None:
        """What `exit` and `quit` do: ask the client to end the session."""
        self.write_payload({"source": "ask_exit", "keepkernel": bool(self.keepkernel_on_exit)})

    def set_next_input(self, s: str, replace: bool = False) -> None:  # IPython's signature
        """Put `s` into the next cell, or in place of this one."""
        self.write_payload({"source": "set_next_input", "text": s, "replace": replace})

    def write_payload(self, payload: dict[str, Any]) -> None:
        """Add a payload to the reply of the running cell."""
        cast("RunPayloads", self.payload_manager).write_payload(payload, single=False)

    def showtraceback(
        self,
        exc_tuple: tuple[type[BaseException], BaseException, TracebackType | None] | None = None,
        filename: str | None = None,
        tb_offset: int | None = None,
        exception_only: bool = False,  # IPython's signature
        running_compiled_code: bool = False,
    ) -> None:
        """Send the traceback of the exception that is being handled, or of the one given."""
        found = exc_tuple or sys.exc_info()
        try:
            self._show_with_causes(exc_tuple, filename, tb_offset, exception_only, running_compiled_code)
        except Exception:  # parts of an exception can be anything, and raise anything
            etype, value, tb = found
            if etype is None or value is None:
                raise
            self._showtraceback(etype, value, [*traceback.format_tb(tb), etype.__name__])

    def _show_with_causes(
        self,
        exc_tuple: tuple[type[BaseException], BaseException, TracebackType | None] | None,
        filename: str | None,
        tb_offset: int | None,
        exception_only: bool,
        running_compiled_code: bool,
    ) -> None:
        error = exc_tuple[1] if exc_tuple else sys.exc_info()[1]
        if (run := current_run()) and error and _is_stop(error):
            stopped = run.stop_error
            if run.scope.cancel_called and not stopped:
                stopped = TimeoutError(f"stopped after {run.timeout:g} s")
            elif isinstance(error, BaseExceptionGroup) and error.subgroup(KeyboardInterrupt):
                stopped = stopped or KeyboardInterrupt()  # a task group wraps what is raised in its body
            if stopped:
                exc_tuple, error = (type(stopped), stopped, error.__traceback__), stopped
        if isinstance(error, KeyboardInterrupt) and exc_tuple:
            _end_in_user_code(exc_tuple[2])
        for each in causes(error):
            if isinstance(each, KeyboardInterrupt):
                _end_in_user_code(each.__traceback__)
        if error is not None:
            self.kernel.cell_files.write_shown(error)
        if error is None or exception_only or not _holds_group(error):
            super().showtraceback(exc_tuple, filename, tb_offset, exception_only, running_compiled_code)
            return
        etype, value, tb = self._get_exc_info(exc_tuple)
        while tb and tb.tb_frame.f_code.co_filename.startswith(_IPYTHON):
            tb = tb.tb_next
        text = "".join(traceback.format_exception(etype, value, tb))
        self._showtraceback(etype, value, _FILE.sub(self._cell_of, text).splitlines())

    def excepthook(self, etype: type[BaseException], value: BaseException, tb: TracebackType | None) -> None:
        """`sys.excepthook` while cells run: as at other times, since Pyodide and GUI toolkits rely on it."""
        self.sys_excepthook(etype, value, tb)

    def _cell_of(self, file: re.Match[str]) -> str:
        """A place in a traceback as IPython names it: `Cell In[3]` for a cell."""
        return " ".join(self.compile.format_code_name(file[1]) or (file[0],))

    def show_error(self, error: Exception) -> dict[str, Any]:
        """Send an error that no code raised, and return the content of its message."""
        content = {
            "ename": type(error).__name__,
            "evalue": str(error),
            "traceback": [f"{type(error).__name__}: {error}"],
        }
        self.parent.iopub_send("error", content=content)
        return content

    def _showtraceback(self, etype: type[BaseException], evalue: BaseException, stb: Sequence[str]) -> None:
        try:
            text = str(evalue)
        except Exception:  # noqa: BLE001  # a user's __str__ may raise anything
            text = f"<{etype.__name__} whose str() failed>"
        content = {"ename": etype.__name__, "evalue": text, "traceback": list(stb)}
        if run := current_run():
            run.error = content
        elif self.kernel.last_execute is None:  # a startup file's: no client hears of it
            self.log.error("%s", "\n".join(stb))
        self.parent.iopub_send("error", content=content)

    def _format_exception_for_storage(
        self,
        exception: BaseException,
        filename: str | None = None,
        running_compiled_code: bool = False,  # IPython's signature
    ) -> dict[str, Any]:
        """What `%notebook` saves of an error: what was shown, rather than the same made anew."""
        if (run := current_run()) and run.error:
            return run.error
        stored: dict[str, Any] = super()._format_exception_for_storage(exception, filename, running_compiled_code)
        return stored


def _commands() -> ModuleType:
    """What runs command lines on this platform."""
    if HAS_PROCESSES:
        return _process
    from async_kernel._browser import _commands

    return _commands


def _end_in_user_code(traceback: TracebackType | None) -> None:
    """Cut off what the kernel itself did when the interrupt came, its signal handler for one."""
    last = None
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in _KERNEL:
            last = traceback
        traceback = traceback.tb_next
    if last is not None:
        last.tb_next = None


_KERNEL = ("async_kernel", "async_kernel_zmq")
_FILE = re.compile(r'File "([^"]+)"')
_IPYTHON = sys.modules[InteractiveShell.__module__].__file__ or ""
