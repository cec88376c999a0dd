"""The interface over ZMQ sockets."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import uuid
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from async_kernel._descriptors import Descriptors
from async_kernel._forks import Forks
from async_kernel._sigint import strike
from async_kernel._signal_interrupts import Interrupts
from async_kernel.interface import BaseInterface
from traitlets import CaselessStrEnum, Integer, Unicode, observe

from async_kernel_zmq._binding import bind
from async_kernel_zmq._connection import ZMQConnection
from async_kernel_zmq._connection_file import CHANNELS, TRANSPORTS, ConnectionInfo
from async_kernel_zmq._debugpy_engine import DebugpyEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from async_kernel.debugger import Engine

_GRACE = 3.0
"""Seconds that the kernel gets to end by itself once its parent has gone."""
_SWITCH = 0.001
"""Seconds that threads which read and answer wait for Python while a cell computes: for each part of a message."""


class ZMQInterface(BaseInterface):
    """A kernel on ZMQ sockets, as Jupyter's desktop clients start it."""

    connection_file = Unicode(
        help="The connection file: read where it exists, else written. In Jupyter's runtime folder unless absolute."
    ).tag(config=True)
    ip = Unicode("127.0.0.1", help="The address to bind, or for ipc the path that the sockets' names begin with.").tag(
        config=True
    )
    transport = CaselessStrEnum(TRANSPORTS, default_value="tcp", help="How clients connect.").tag(config=True)
    shell_port = Integer(0, help="The port of the shell channel; 0 for a free one.").tag(config=True)
    iopub_port = Integer(0, help="The port of the iopub channel; 0 for a free one.").tag(config=True)
    stdin_port = Integer(0, help="The port of the stdin channel; 0 for a free one.").tag(config=True)
    control_port = Integer(0, help="The port of the control channel; 0 for a free one.").tag(config=True)
    hb_port = Integer(0, help="The port of the heartbeat; 0 for a free one.").tag(config=True)

    aliases: ClassVar[dict[Any, Any]] = {  # type: ignore[misc]  # traitlets has an instance attribute
        **BaseInterface.aliases,
        ("f", "connection_file"): "ZMQInterface.connection_file",
        **{name: f"BaseInterface.{name}" for name in ("host", "host_options", "backend", "backend_options")},
        **{name: f"ZMQInterface.{name}" for name in ("ip", "transport")},
        **{channel: f"ZMQInterface.{channel}_port" for channel in CHANNELS},
    }

    info: ConnectionInfo | None = None
    """Where the sockets are, once they are bound."""
    path: Path
    """The connection file."""

    @observe(*(f"{channel}_port" for channel in CHANNELS), "ip", "transport", "connection_file")
    def _refuse_late(self, change: dict[str, Any]) -> None:
        if self.info is not None:
            msg = f"{change['name']} cannot be set any more: the sockets are bound"
            raise RuntimeError(msg)

    async def _start(self) -> None:
        self._exit.callback(sys.setswitchinterval, usual := sys.getswitchinterval())
        sys.setswitchinterval(min(usual, _SWITCH))
        watched: dict[int, Callable[[], None]] = {}
        interrupts: Interrupts | None = None
        if threading.current_thread() is threading.main_thread():
            # First, so that it is undone last: clients interrupt before they ask a kernel to end, and it may come late.
            interrupts = Interrupts(self)
            interrupts.install()
            watched[interrupts.sigint.fileno()] = interrupts.sigint.notice
            self._exit.callback(interrupts.uninstall)
        self.path, info = self._connection_info()
        binding = bind(info)
        self._exit.callback(binding.close)
        connection = self._connection = ZMQConnection(self, binding)
        self._exit.callback(connection.sockets.close)
        self.info = info = binding.info
        if not self.path.exists():
            info.write(self.path)
            if not self.connection_file:  # nobody else knows its name
                sys.stderr.write(f"To connect a client to this kernel: jupyter console --existing {self.path.name}\n")
            self._exit.callback(self.path.unlink, missing_ok=True)
        self.iopub.connect(connection)
        await super()._start()
        self._exit.callback(connection.close)
        descriptors = Descriptors(self.streams)
        for part in (descriptors, Forks(self, self._disconnect)):
            part.install()
            self._exit.callback(part.uninstall)
        if interrupts:
            self.streams.batcher.checkpoint = interrupts.checkpoint
            interrupts.spare_forks()
        self._log_to(self.streams.terminal["stderr"])
        connection.sockets.start(watched, dict.fromkeys(descriptors.ends, self.streams.batcher.poll))
        if self.callers["shell"].backend == "asyncio" and self.host is None:
            with suppress(NotImplementedError):  # Windows' usual loop
                connection.sockets.readers.attend(asyncio.get_running_loop(), lambda: bool(self.kernel.runs))
                self._exit.callback(connection.sockets.readers.leave)

    def _disconnect(self) -> None:
        self.iopub.disconnect(self._connection)
        self._connection.close("a forked process cannot ask the client for input")

    def _log_to(self, terminal: TextIO) -> None:
        """Keep the kernel's log out of its cells."""
        for handler in logging.getLogger(self.log.name).handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is sys.__stderr__:
                handler.setStream(terminal)
                self._exit.callback(handler.setStream, sys.__stderr__)

    def _connection_info(self) -> tuple[Path, ConnectionInfo]:
        """The connection file's path and what it says, or is to say."""
        path = Path(self.connection_file or f"kernel-{uuid.uuid4()}.json")
        if not path.is_absolute():
            from jupyter_core.paths import jupyter_runtime_dir

            path = jupyter_runtime_dir() / path
        if path.exists():
            return path, ConnectionInfo.read(path)
        ports = {f"{channel}_port": getattr(self, f"{channel}_port") for channel in CHANNELS}
        return path, ConnectionInfo.fresh(ip=self.ip, transport=self.transport, kernel_name=self.name, **ports)

    def interrupt(self) -> None:
        """Stop the cells that run, computing or not, and their subprocesses. Called from any thread."""
        if os.getpgid(0) == os.getpid():  # a group of its own: jupyter_client starts kernels so
            os.killpg(0, signal.SIGINT)
        else:
            strike()

    no_debugger = "install debugpy, and start it again"

    def debug_engine(self) -> Engine | None:
        """debugpy, where it is installed."""
        return DebugpyEngine(self._own_threads) if find_spec("debugpy") else None

    def _own_threads(self) -> list[threading.Thread]:
        """The threads in which no user's code runs."""
        threads = [caller.thread for name, caller in self.callers.items() if name != "shell"]
        history = getattr(self.kernel.main_shell.history_manager, "save_thread", None)
        return [*filter(None, (*threads, history)), *self._connection.sockets.threads]

    def connection_help(self) -> str:
        """The connection file, and how other clients use it."""
        return (
            f"{self.path.read_text()}\n\n"
            "Paste this into a file and connect with  jupyter <app> --existing FILE ,\n"
            f"or on this machine with  jupyter <app> --existing {self.path}"
        )

    def stop(self) -> None:
        """End the kernel, and the cell that computes. Called from any thread; returns at once."""
        if not self.stopping.done():
            super().stop()
            self.interrupt()

    def on_orphaned(self) -> None:
        """End with the parent process, soon if a cell does not let go."""
        if not self.stopping.done():
            self.log.warning("The process that started this kernel has ended")
        self.path.unlink(missing_ok=True)  # nobody else will
        self.stop()
        timer = threading.Timer(_GRACE, self._abandon)
        timer.daemon = True
        timer.start()

    def _abandon(self) -> None:
        if self.info:
            self.info.remove_sockets()
        os._exit(1)
