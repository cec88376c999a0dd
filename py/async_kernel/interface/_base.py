"""The interface: the application that holds one kernel, its loops and its connections."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, ClassVar, Self

import anyio
from traitlets import Bool, Dict, Enum, List, Type, Unicode, default
from traitlets.config import Application

from async_kernel import _running
from async_kernel._context import current_request
from async_kernel._errors import HostError
from async_kernel._iopub import IOPub
from async_kernel._kernel import Kernel
from async_kernel._message import MessageFactory
from async_kernel._nested_run import HAS_UVLOOP, NestedRun
from async_kernel._stdin import Stdin
from async_kernel._streams import StreamBatcher, StreamRedirect
from async_kernel._threads import ThreadRequests
from async_kernel._version import __version__
from async_kernel.caller import Caller, Pending
from async_kernel.caller._backend import check_options, run_hosted
from async_kernel.caller._host import HOSTS, current_host, make_host
from async_kernel.interface._settings import config_from_settings
from async_kernel.shell import AsyncInteractiveShell
from async_kernel.shell._run import current_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType, TracebackType

    from async_kernel._context import Request
    from async_kernel._streams import StreamName
    from async_kernel._wire import Buffer, Channel, Content, Message
    from async_kernel.debugger import Engine


_STOP_TIMEOUT = 2.0
"""Seconds that what still runs gets at the end of the kernel before it is left behind."""


def running_backend() -> str | None:
    """The async library that runs in the calling thread, if one does."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        trio = sys.modules.get("trio")
        return "trio" if trio and trio.lowlevel.in_trio_run() else None
    return "asyncio"


class BaseInterface(Application):
    """Runs one kernel in the current event loop. One a process.

    Use it as an async context manager (`async with Interface() as interface: interface.kernel`), with `run`, or,
    blocking, with `start` or `launch_instance`.

    Raises:
        RuntimeError: on construction, if there is one in this process already.
    """

    name = Unicode("async", help="The name of the kernel, as in its kernelspec.").tag(config=True)
    description = "A concurrent Python kernel for Jupyter."
    version = __version__
    host = Enum(
        HOSTS,
        default_value=None,
        allow_none=True,
        help="The GUI whose main loop gets the main thread, the backend being its guest: windows are live at any time.",
    ).tag(config=True)
    host_options = Dict(
        help="Options of the host. qt: `module`, PySide6 unless given; custom: `host_class`, the dotted path of a "
        "subclass of `async_kernel.caller.Host`, and what that takes."
    ).tag(config=True)
    backend = Enum(
        ["asyncio", "trio"], help="The async library of the main loop. The running loop's, where there is one."
    ).tag(config=True)
    backend_options = Dict(
        help="Options of the async library. asyncio: `debug`, without a host also `loop_factory` and `use_uvloop`, "
        "which is true where uvloop is installed; trio: those of `trio.run`."
    ).tag(config=True)
    kernel_class = Type(Kernel, help="The class of the kernel.").tag(config=True)
    shell_class = Type(AsyncInteractiveShell, help="The class of the shell.").tag(config=True)
    quiet = Bool(default_value=True, help="Do not echo the output of cells to the terminal.").tag(config=True)

    aliases: ClassVar[dict[Any, Any]] = {  # type: ignore[misc]  # traitlets has an instance attribute
        ("n", "name"): "BaseInterface.name",
        "timeout": "AsyncInteractiveShell.timeout",
        "kernel_class": "BaseInterface.kernel_class",
        "shell_class": "BaseInterface.shell_class",
        "help_links": "Kernel.help_links",
        "supported_features": "Kernel.supported_features",
    }
    flags: ClassVar[dict[str, Any]] = {  # type: ignore[misc]  # as above
        "quiet": ({"BaseInterface": {"quiet": True}}, "Do not echo the output of cells."),
        "no-quiet": ({"BaseInterface": {"quiet": False}}, "Echo the output of cells to the terminal."),
    }

    kernel: Kernel
    start_error: HostError | None = None
    """Why no cell can run. The kernel is there to say so to its clients."""
    last_interrupt_frame: FrameType | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _running.claim(self)
        self.callers: dict[str, Caller] = {}
        """Where the kernel's work runs: `shell`, `control`, and `introspection` for completions and the like."""
        self.started: Pending[None] = Pending()
        self.stopping: Pending[None] = Pending()
        self.iopub = IOPub()
        self.factory = MessageFactory()
        self._stdin = Stdin(self.factory, self.iopub)
        self._is_initialized = False
        self._exit = AsyncExitStack()

    @default("backend")
    def _default_backend(self) -> str:
        return running_backend() or "asyncio"

    classes: Any = List(help="The classes whose options the command line knows.")

    @default("classes")
    def _default_classes(self) -> list[type]:
        return [type(self), self.kernel_class, self.shell_class]

    # --- the one of this process

    @classmethod
    def initialized(cls) -> bool:
        """Whether this process has an interface of this class."""
        return isinstance(_running.running_interface(), cls)

    @classmethod
    def instance(cls, *_: Any, **__: Any) -> Self:
        """The interface of this process.

        Raises:
            RuntimeError: there is none.
            TypeError: it is of another class.
        """
        interface = _running.running_interface()
        if interface is None:
            msg = f"no {cls.__name__} runs in this process: start one first"
            raise RuntimeError(msg)
        if not isinstance(interface, cls):
            msg = f"the interface of this process is a {type(interface).__name__}, not a {cls.__name__}"
            raise TypeError(msg)
        return interface

    @classmethod
    def launch_instance(cls, argv: list[str] | None = None, **kwargs: Any) -> None:
        """Run a kernel from the command line's arguments (`sys.argv` unless given) until it ends."""
        interface = cls(**kwargs)
        interface.initialize(argv)
        interface.start()

    # --- its life

    def initialize(self, argv: list[str] | None = None) -> None:
        """Read the configuration from arguments (`sys.argv` unless given).

        Raises:
            RuntimeError: it was read before.
        """
        if self._is_initialized:
            msg = f"{type(self).__name__} is initialized already"
            raise RuntimeError(msg)
        self._is_initialized = True
        super().initialize(argv)

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        """As traitlets does it. Without an argument no parser is built, which takes long in a browser."""
        if argv != []:
            super().parse_command_line(argv)

    def load_settings(self, settings: Mapping[str, Any]) -> None:
        """Take configuration from a mapping.

        Raises:
            SettingsError: a key is unknown.
        """
        self.update_config(config_from_settings(self, settings))

    def start(self) -> None:
        """Run the kernel until it ends.

        Raises:
            ValueError: the backend has no such option.
            HostError: the host could not be had, as every cell was told.
        """
        check_options(self.backend, self.backend_options, as_guest=self.host is not None)
        if self.host is None:
            options = dict(self.backend_options)
            if self.backend == "asyncio" and "loop_factory" not in options:
                options.setdefault("use_uvloop", HAS_UVLOOP)
            anyio.run(self.run, backend=self.backend, backend_options=options)
            return
        try:
            host = make_host(self.host, self.host_options)
        except HostError as e:
            self.start_error = e
            anyio.run(self.run, backend=self.backend)
            raise
        run_hosted(self.run, self.backend, self.backend_options, host)

    async def run(self, stopped: Callable[[], None] | None = None) -> None:
        """Run the kernel in the current event loop until it ends.

        Args:
            stopped: called when it has ended, however it ended.
        """
        try:
            async with self:
                await self.stopping.wait(protect=True)
        finally:
            if stopped:
                stopped()

    def stop(self) -> None:
        """End the kernel. Called from any thread; returns at once."""
        if not self.stopping.done():
            self.stopping.set_result(None)

    def at_end(self, callback: Callable[[], object]) -> None:
        """Call `callback` when the kernel has ended, or its start has failed."""
        self._exit.callback(callback)

    def shell_options(self) -> dict[str, Any]:
        """What the shell is made with, beside the configuration."""
        return {}

    def interrupt(self) -> None:
        """Stop the cells that run, at their next `await`. Called from any thread."""
        for run in list(self.kernel.main_shell.runs):
            run.stop(KeyboardInterrupt())

    async def __aenter__(self) -> Self:
        if not self._is_initialized:
            self.initialize([])
        try:
            await self._start()
        except BaseException as e:
            await self._end()
            self.started.set_exception(e)
            self.started.exception()  # looked at: whoever starts the interface gets it
            raise
        self.started.set_result(None)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()
        with anyio.move_on_after(_STOP_TIMEOUT, shield=True):
            await self.kernel.wind_down()
        await self._end()

    async def _start(self) -> None:
        if self.host is not None and not self.start_error and current_host() is None:
            msg = f"The host {self.host!r} takes the thread for its main loop: use `start()`, or no host."
            raise RuntimeError(msg)
        os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        os.environ.setdefault("UV_PROJECT_ENVIRONMENT", sys.prefix)
        shell = await self._exit.enter_async_context(Caller("manual", name="Shell", stop_timeout=_STOP_TIMEOUT))
        self.callers["shell"] = shell
        for name in ("control", "introspection"):
            self.callers[name] = shell.get(name=name.capitalize())
        self.kernel = self.kernel_class(parent=self)
        batcher = StreamBatcher(
            self._send_stream,
            self.callers["control"].call_later,
            self._owner,
            self._owner_past_streams,
            self.iopub,
        )
        self.iopub.before_send = batcher.flush
        self.streams = StreamRedirect(batcher)
        for part in (self.streams, self._stdin, self.kernel.comms, self.kernel.traps, NestedRun(), ThreadRequests()):
            part.install()
            self._exit.callback(part.uninstall)
        self.iopub_send("status", content={"execution_state": "starting"}, parent={})
        self.iopub.open()
        if host := current_host():
            self._exit.callback(host.close_windows)

    async def _end(self) -> None:
        try:
            await self._exit.aclose()
        finally:
            _running.release(self)

    no_debugger = "a kernel in a program's own event loop would stop the program"
    """Why there is no engine, where there is none."""

    def debug_engine(self) -> Engine | None:
        """What stops code for the debugger, where there is something."""
        return None

    def connection_help(self) -> str:
        """How other clients connect, for `%connect_info`."""
        return f"{self.summary}\nIt is reached by the program that it is part of, and by no other."

    @property
    def summary(self) -> str:
        """What runs here, in a line."""
        return f"{self.name}: {type(self).__name__}, {type(self.kernel).__name__} on {self.callers['shell'].backend}"

    # --- messages

    def msg(
        self,
        msg_type: str,
        *,
        content: Content | None = None,
        parent: Message | Mapping[str, Any] | None = None,
        header: Mapping[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        channel: Channel = "shell",
    ) -> Message:
        """A message of this kernel's session. The parent is the current request unless given."""
        return self.factory.message(
            msg_type, channel=channel, content=content, parent=self._parent(parent), header=header, metadata=metadata
        )

    def iopub_send(
        self,
        msg_or_type: Message | str,
        *,
        content: Content | None = None,
        metadata: dict[str, Any] | None = None,
        parent: Message | Mapping[str, Any] | None = None,
        ident: bytes | None = None,  # noqa: ARG002  # of the published signature; connections name their topics
        buffers: Sequence[Buffer] | None = None,
    ) -> None:
        """Tell every client, behind all output so far. What is sent before the start is kept and sent then.

        Args:
            msg_or_type: a whole message, or the type of one to make from the rest.
            content: its content.
            metadata: its metadata.
            parent: the message that it belongs to; the current request unless given.
            ident: not used.
            buffers: binary parts beside the JSON.
        """
        if isinstance(msg_or_type, str):
            msg = self.factory.message(
                msg_or_type,
                channel="iopub",
                content=content,
                parent=self._parent(parent),
                metadata=metadata,
                buffers=buffers,
            )
        else:
            msg = msg_or_type
        self.iopub.send(msg)
        if self.iopub.is_behind and threading.current_thread() is not self.callers["control"].thread:
            self.iopub.pace()

    def input_request(self, prompt: str, password: bool = False) -> str:  # published signature
        """Ask the client of the current request, and block until it answers.

        Raises:
            StdinNotImplementedError: nobody can be asked; the error says why.
        """
        return self._stdin.request(prompt, password=password)

    def _send_stream(self, name: StreamName, text: str, request: Request | None) -> None:
        msg = self.factory.message(
            "stream",
            channel="iopub",
            content={"name": name, "text": text},
            parent=request.msg if request else None,
        )
        self.iopub.send_now(msg)
        if not self.quiet:
            self.streams.echo(name, text)

    def _parent(self, parent: Message | Mapping[str, Any] | None) -> Message | Mapping[str, Any] | None:
        owner = self._owner() if parent is None else None
        return owner.msg if owner else parent

    def _owner(self) -> Request | None:
        """The request that the calling code runs for. Code that lost its context belongs to the latest cell."""
        return current_request() or self.kernel.cells.of_frame(sys._getframe()) or self.kernel.last_execute

    def _owner_past_streams(self) -> Request | None:
        """The request that what C code or a subprocess has written is for.

        That of the calling code, if it is a cell's and in the cell's thread: it goes on writing where that has ended.
        Other threads, which come upon it by chance, say nothing of who wrote it.
        """
        run = current_run()
        if run and not run.ended.done() and run.caller.thread is threading.current_thread():
            return current_request()
        return self.kernel.last_execute
