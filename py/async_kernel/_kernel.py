"""The kernel: assembles its parts and answers each message type."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from traitlets import Dict, List, Unicode, default

from async_kernel._cell_code import CellCode
from async_kernel._comms import Comms
from async_kernel._context import Request, current_request
from async_kernel._dispatch import Dispatcher
from async_kernel._errors import BadMessageError, CallerStopped, UnknownCommError
from async_kernel._has_interface import HasInterface
from async_kernel._message import check, refused
from async_kernel._requests.complete import complete, is_complete
from async_kernel._requests.execute import execute
from async_kernel._requests.fields import cursor, field
from async_kernel._requests.history import history
from async_kernel._requests.info import kernel_info
from async_kernel._requests.inspect import inspect
from async_kernel._subshells import Subshells, stop_cells
from async_kernel.debugger._cell_files import CellFiles
from async_kernel.debugger._debugger import Debugger
from async_kernel.shell._subshell import Subshell
from async_kernel.shell._traps import Traps

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from comm.base_comm import CommManager

    from async_kernel._transport import Connection
    from async_kernel._wire import Buffer, Content
    from async_kernel.caller import Pending
    from async_kernel.shell import AsyncInteractiveShell
    from async_kernel.shell._run import CellRun

_LINKS = [
    {"text": "Python Reference", "url": "https://docs.python.org/3"},
    {"text": "IPython Reference", "url": "https://ipython.org/documentation.html"},
    {"text": "NumPy Reference", "url": "https://numpy.org/doc/stable/"},
    {"text": "SciPy Reference", "url": "https://docs.scipy.org/doc/scipy/"},
    {"text": "Matplotlib Reference", "url": "https://matplotlib.org/contents.html"},
    {"text": "pandas Reference", "url": "https://pandas.pydata.org/pandas-docs/stable/"},
]


class Kernel(HasInterface):
    """Answers the messages of Jupyter's messaging specification.

    There is one coroutine method for each message type, named as the type: it takes the `Request` and returns the
    reply's content, or None where the type has no reply. A subclass that overrides one is a different kernel.
    """

    help_links = List(
        Dict(value_trait=Unicode(), key_trait=Unicode()),
        default_value=_LINKS,
        help="Links for the client's help menu: objects with `text` and `url`.",
    ).tag(config=True)
    supported_features = List(Unicode(), help="Optional features that `kernel_info_reply` names.").tag(config=True)

    @default("supported_features")
    def _default_supported_features(self) -> list[str]:
        return ["kernel subshells", *(["debugger"] if self.debugger else [])]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        interface = self.parent
        self.cell_files = CellFiles()
        """What cells are called in tracebacks and by the debugger."""
        self.main_shell: AsyncInteractiveShell = interface.shell_class.instance(
            parent=interface, kernel=self, **interface.shell_options()
        )
        interface.at_end(self.close)
        self.cells = CellCode()
        self.traps = Traps(self.main_shell, self.cells)
        self.comms = Comms(interface.iopub_send)
        engine = interface.debug_engine()
        self.debugger = Debugger(parent=interface, kernel=self, engine=engine) if engine else None
        self.last_execute: Request | None = None
        """The execute request that began last."""
        self.before_code: Callable[[], None] = lambda: None
        """Called before each statement of a cell."""
        self.before_cell: Callable[[str], Awaitable[None]] | None = None
        """Awaited before the first of them, with the cell as Python."""
        self.front_end_packages: Mapping[str, str] | None = None
        """The versions of packages of which the page has a part, by normalised name; None where that is not known."""
        self._dispatcher = Dispatcher(
            self,
            interface.callers,
            interface.iopub,
            interface.factory,
            self.log,
        )
        self._subshells = Subshells(self._build_subshell, self._dispatcher, interface.callers["shell"])

    # --- what user code and libraries read

    @property
    def shell(self) -> AsyncInteractiveShell:
        """The shell of the current context."""
        request = current_request()
        try:
            return self.get_shell(request.subshell_id if request else None)
        except LookupError:  # it was deleted while its code runs
            return self.main_shell

    @property
    def subshells(self) -> dict[str, Subshell]:
        """The subshells by their id."""
        return {subshell_id: self._subshells.get(subshell_id) for subshell_id in self._subshells.ids}

    def get_shell(self, subshell_id: str | None = None) -> AsyncInteractiveShell:
        """The shell of a subshell; the main shell for None.

        Raises:
            LookupError: there is no such subshell.
        """
        return self.main_shell if subshell_id is None else self._subshells.get(subshell_id)

    @property
    def runs(self) -> list[CellRun]:
        """The cells that run, in all shells."""
        shells = (self.main_shell, *self._subshells.built)
        return [run for shell in shells for run in shell.runs]

    def create_subshell(self, protected: bool = False) -> Subshell:
        """Make a shell with a queue of its own, and names of its own over those of the main shell (JEP 91).

        Args:
            protected: it is not deleted by a client's request.
        """
        shell = self._subshells.get(self._subshells.open())
        shell.protected = protected
        return shell

    def delete_subshell(self, subshell_id: str, *, force: bool = False) -> None:
        """End a subshell. What runs in it is stopped, what waits for it is aborted.

        Raises:
            LookupError: there is no such subshell.
            PermissionError: it is protected, and `force` is not given.
        """
        self._subshells.delete(subshell_id, force=force)

    @property
    def comm_manager(self) -> CommManager:
        """The open comms and the targets."""
        return self.comms.manager

    def get_parent(self) -> dict[str, Any]:
        """The message that the calling code runs for, or an empty one. ipywidgets' Output relies on it."""
        request = current_request()
        return dict(request.msg) if request else {}

    def raw_input(self, prompt: object = "") -> str:
        """Ask the client for a line, as `input` does."""
        return self.parent.input_request(str(prompt))

    def getpass(self, prompt: str = "") -> str:
        """Ask the client for a line that it does not show."""
        return self.parent.input_request(prompt, password=True)

    # --- what transports call

    def receive(
        self,
        raw: object,
        connection: Connection,
        *,
        buffers: Sequence[Buffer] | None = None,
        route: object = None,
    ) -> None:
        """Take a message from a client, as the object of its JSON. Returns at once, from any thread.

        What is no message is answered with an error where it says what was asked, and else logged and dropped.

        Args:
            raw: the message.
            connection: where it came from.
            buffers: its binary parts.
            route: the transport's own note of where the reply goes.
        """
        try:
            self._receive(raw, connection, buffers, route)
        except CallerStopped:
            self.log.warning("Dropped a message: the kernel has ended")

    def _receive(self, raw: object, connection: Connection, buffers: Sequence[Buffer] | None, route: object) -> None:
        try:
            msg = check(raw, buffers)
        except BadMessageError as e:
            if e.header:
                self._dispatcher.refuse(Request(refused(raw, e.header), connection, route), e)
            else:
                self.log.debug("Dropped a message: %s", e)
            return
        if msg["channel"] == "stdin":
            self.log.debug("Dropped %.80r: no cell waits for input", msg["header"]["msg_type"])
            return
        self._dispatcher.receive(Request(msg, connection, route))

    def close(self) -> None:
        """End the main shell: save its history, remove its temporary files."""
        self.main_shell.close()
        self.main_shell.clear_instance()
        self.cell_files.remove()

    async def wind_down(self) -> None:
        """Stop what runs, abort what waits, and end the subshells."""
        if self.debugger:
            await self.debugger.close()
        ends: list[Pending[None] | None] = []
        for subshell_id in self._subshells.ids:
            with suppress(LookupError):  # deleted in the meantime, in the control thread
                ends.append(self._subshells.delete(subshell_id, force=True))
        self._dispatcher.close_queue(None)
        await stop_cells(self.main_shell, "the kernel was shut down")
        for end in ends:
            if end:
                await end.wait(protect=True)

    # --- a handler for each message type

    async def execute_request(self, request: Request) -> Content | None:
        """Run a cell. Section "Execute"."""
        code = field(request, "code", str)
        silent = field(request, "silent", bool, default=False)
        store_history = field(request, "store_history", bool, default=not silent)
        expressions = field(request, "user_expressions", dict, None) or {}
        allow_stdin = field(request, "allow_stdin", bool, default=False)
        field(request, "stop_on_error", bool, default=True)  # checked here, read by the queue
        if error := self.parent.start_error:
            return {"status": "error", **self.main_shell.show_error(error)}
        self.last_execute = request
        if self.debugger:
            await self.debugger.before_cell()
        if not silent:
            self._publish_input(code)
        return await self.do_execute(
            code,
            silent,
            store_history=store_history,
            user_expressions=expressions,
            allow_stdin=allow_stdin,
            cell_id=request.msg["metadata"].get("cellId"),
            cell_meta=request.msg["metadata"],
        )

    async def complete_request(self, request: Request) -> Content | None:
        """Complete code. Section "Completion"."""
        code = field(request, "code", str)
        return self.do_complete(code, cursor(request, code))

    async def inspect_request(self, request: Request) -> Content | None:
        """Describe an object. Section "Introspection"."""
        code = field(request, "code", str)
        level = field(request, "detail_level", int, 0)
        return self.do_inspect(code, cursor(request, code), level)

    async def is_complete_request(self, request: Request) -> Content | None:
        """Say whether code is a whole. Section "Code completeness"."""
        return is_complete(self.shell, field(request, "code", str))

    async def history_request(self, request: Request) -> Content | None:
        """Give earlier inputs. Section "History"."""
        return self.do_history(
            field(request, "hist_access_type", str),
            field(request, "output", bool, default=False),
            field(request, "raw", bool, default=True),
            session=field(request, "session", int, 0),
            start=field(request, "start", int, 1),
            stop=field(request, "stop", int, None),
            n=field(request, "n", int, None),
            pattern=field(request, "pattern", str, "*"),
            unique=field(request, "unique", bool, default=False),
        )

    async def kernel_info_request(self, _: Request) -> Content | None:
        """Say what this kernel is. Section "Kernel info"."""
        return kernel_info(help_links=self.help_links, supported_features=self.supported_features)

    async def comm_info_request(self, request: Request) -> Content | None:
        """List the open comms. Section "Comm info"."""
        return {"comms": self.comms.info(field(request, "target_name", str, None))}

    async def debug_request(self, request: Request) -> Content | None:
        """Answer a request of the Debug Adapter Protocol. Section "Debug request"."""
        if self.debugger is None:
            raise BadMessageError("this kernel has no debugger: " + self.parent.no_debugger)
        return await self.debugger.handle(request)

    async def interrupt_request(self, _: Request) -> Content | None:
        """Stop the cells that run. Section "Kernel interrupt"."""
        self.parent.interrupt()
        return {}

    async def shutdown_request(self, request: Request) -> Content | None:
        """End the kernel. Section "Kernel shutdown"."""
        content = {"status": "ok", "restart": field(request, "restart", bool, default=False)}
        if self.debugger:
            if self.debugger.is_stopped:  # the code must not go on
                self.parent.interrupt()
            await self.debugger.close()
        self.parent.iopub_send("shutdown_reply", content=content)
        self.parent.callers["control"].call_soon(self.parent.stop)  # once this is answered
        return content

    async def create_subshell_request(self, _: Request) -> Content | None:
        """Make a subshell. Section "Create subshell"."""
        return {"subshell_id": self._subshells.open()}

    async def delete_subshell_request(self, request: Request) -> Content | None:
        """End a subshell. Section "Delete subshell"."""
        subshell_id = field(request, "subshell_id", str)
        try:
            self.delete_subshell(subshell_id)
        except (LookupError, PermissionError) as e:
            raise BadMessageError(str(e)) from e
        return {}

    async def list_subshell_request(self, _: Request) -> Content | None:
        """List the subshells. Section "List subshells"."""
        return {"subshell_id": self._subshells.ids}

    async def comm_open(self, request: Request) -> None:
        """Open a comm from the client's side. Section "Opening a Comm"."""
        self._comm(request)

    async def comm_msg(self, request: Request) -> None:
        """Deliver a comm message. Section "Comm Messages"."""
        self._comm(request)

    async def comm_close(self, request: Request) -> None:
        """Close a comm from the client's side. Section "Tearing Down Comms"."""
        self._comm(request)

    # --- ipykernel's names for the same

    async def do_execute(
        self,
        code: str,
        silent: bool,  # ipykernel's signature
        store_history: bool = True,
        user_expressions: dict[str, str] | None = None,
        allow_stdin: bool = False,  # noqa: ARG002  # the request says so to `input`
        *,
        cell_id: str | None = None,
        cell_meta: dict[str, Any] | None = None,
    ) -> Content:
        """Run code and return the content of an `execute_reply`."""
        request = current_request()
        try:
            shell = self.get_shell(request.subshell_id if request else None)
        except LookupError as e:  # deleted since the request came
            raise BadMessageError(str(e)) from e
        return await execute(
            shell,
            code,
            silent=silent,
            store_history=store_history and not silent,
            user_expressions=user_expressions or {},
            cell_id=cell_id,
            cell_meta=cell_meta,
        )

    def do_complete(self, code: str, cursor_pos: int | None) -> Content:
        """Return the content of a `complete_reply`."""
        return complete(self.shell, code, len(code) if cursor_pos is None else cursor_pos)

    def do_inspect(
        self, code: str, cursor_pos: int | None, detail_level: int = 0, omit_sections: Sequence[str] = ()
    ) -> Content:
        """Return the content of an `inspect_reply`."""
        position = len(code) if cursor_pos is None else cursor_pos
        return inspect(self.shell, code, position, detail_level, omit_sections)

    def do_history(
        self,
        hist_access_type: str,
        output: bool,  # ipykernel's signature
        raw: bool,
        session: int = 0,
        start: int = 1,
        stop: int | None = None,
        n: int | None = None,
        pattern: str | None = None,
        unique: bool = False,
    ) -> Content:
        """Return the content of a `history_reply`."""
        return history(
            self.shell,
            hist_access_type,
            output=output,
            raw=raw,
            session=session,
            start=start,
            stop=stop,
            n=n,
            pattern=pattern or "*",
            unique=unique,
        )

    def _build_subshell(self, subshell_id: str) -> Subshell:
        return Subshell(parent=self.parent, kernel=self, main=self.main_shell, subshell_id=subshell_id)

    def show_result(self, value: object) -> None:
        """Show the value of an expression in the shell of the current context: `sys.displayhook`."""
        self.shell.displayhook(value)

    def _publish_input(self, code: str) -> None:
        content = {"code": code, "execution_count": self.shell.execution_count}
        self.parent.iopub_send("execute_input", content=content)

    def _comm(self, request: Request) -> None:
        field(request, "comm_id", str)
        if request.msg_type == "comm_open":
            field(request, "target_name", str)
        try:
            self.comms.handle(request)
        except UnknownCommError as e:
            self.log.warning("%s: %s", request.msg_type, e)
        except (Exception, KeyboardInterrupt):  # noqa: BLE001  # a user's callback: its error is shown, as a cell's
            self.shell.showtraceback()
