"""Kernels as processes, started by jupyter_client, and clients of them."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from uuid import uuid4

import pytest
from async_kernel.testing import Exchange, execute_content
from jupyter_client.manager import KernelManager
from jupyter_client.session import Session
from protocol.spec import check_conversation

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from async_kernel._wire import Channel, Content, Message
    from jupyter_client.blocking.client import BlockingKernelClient

START = (sys.executable, "-m", "async_kernel_zmq")
"""Runs a kernel, with its options behind it."""
BACKENDS = ("asyncio", "trio")
LOOPS = {
    "asyncio": ["--backend=asyncio", "--backend_options={'use_uvloop': False}"],
    "uvloop": ["--backend=asyncio"],
    "trio": ["--backend=trio"],
}
"""The event loops, and how to choose each on the command line."""
GUARD = 60
"""Seconds after which what does not come is a failure: no test relies on it."""

Matches = Callable[["Message"], bool]


class Flavour(NamedTuple):
    """What a kernel runs on."""

    backend: str
    transport: str
    loop: str = ""
    """Which of the backend's event loops; its own unless given."""
    host: str | None = None

    def __str__(self) -> str:
        return "-".join(filter(None, (self.host, self.loop or self.backend, self.transport)))

    @property
    def arguments(self) -> list[str]:
        """What the kernelspec does not say."""
        return [f"--host={self.host}"] if self.host else []

    @property
    def kernel_name(self) -> str:
        """The name of the kernelspec for it: see `jupyter_folders`."""
        return f"test-{self.loop or self.backend}"

    @property
    def sleep(self) -> str:
        """Code that awaits for good."""
        return f"import {self.backend}\nprint('waiting')\nawait {self.backend}.sleep(3600)"


@contextmanager
def jupyter_folders(folder: Path) -> Generator[dict[str, Path]]:
    """Jupyter's folders for the block alone, with a kernelspec for each event loop and way to interrupt."""
    dirs = {name: folder / name.lower() for name in ("RUNTIME", "DATA", "CONFIG")}
    for loop, options in LOOPS.items():
        for mode, suffix in (("signal", ""), ("message", "-message")):
            spec = {
                "argv": [*START, "-f", "{connection_file}", *options],
                "display_name": f"Test {loop} {mode}",
                "language": "python",
                "interrupt_mode": mode,
                "metadata": {"supported_encryption": "curve"},
            }
            path = dirs["DATA"] / "kernels" / f"test-{loop}{suffix}" / "kernel.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(spec))
    dirs["RUNTIME"].mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name, path in dirs.items():
            patch.setenv(f"JUPYTER_{name}_DIR", str(path))
        patch.setenv("JUPYTER_PATH", str(dirs["DATA"]))
        for name in ("MPLBACKEND", "UV_PROJECT_ENVIRONMENT"):  # the interface sets them where they are unset
            patch.delenv(name, raising=False)
        yield dirs


class Client:
    """A client of jupyter_client, in the one thread that uses it. It keeps all that it was sent.

    Args:
        zmq_client: jupyter_client's own.
        log: what the kernel wrote to its stderr, for messages of failure.
    """

    def __init__(self, zmq_client: BlockingKernelClient, log: Callable[[], str] = str) -> None:
        self.zmq = zmq_client
        self.messages: list[Message] = []
        self._log = log
        self._finished: list[str] = []

    def connect(self, *, stdin: bool = True) -> Self:
        """Open the sockets, and wait until the kernel says that this client hears everything."""
        self.zmq.start_channels(hb=False, stdin=stdin)
        self.wait("iopub", lambda msg: msg["header"]["msg_type"] == "iopub_welcome")
        return self

    def close(self) -> None:
        self.zmq.stop_channels()

    def send(
        self,
        msg_type: str,
        content: Content | None = None,
        channel: Channel = "shell",
        subshell_id: str | None = None,
    ) -> Message:
        """Send a message and wait for nothing."""
        header = self.zmq.session.msg_header(msg_type)
        if subshell_id:
            header["subshell_id"] = subshell_id
        raw = self.zmq.session.msg(msg_type, content, header=header)
        getattr(self.zmq, f"{channel}_channel").send(raw)
        return _as_sent(channel, {"buffers": [], **raw})

    def start(self, code: str, *, subshell_id: str | None = None, **content: Any) -> Message:
        """Send a cell and wait for nothing."""
        return self.send("execute_request", execute_content(code, **content), subshell_id=subshell_id)

    def wait(self, channel: str, matches: Matches) -> Message:
        """Read a channel until a message matches, or take one that was read before."""
        for msg in self.messages:
            if msg["channel"] == channel and matches(msg):
                return msg
        while not matches(msg := self._read(channel)):
            pass
        return msg

    def _read(self, channel: str) -> Message:
        try:
            raw = getattr(self.zmq, f"get_{channel}_msg")(timeout=GUARD)
        except Empty:
            kinds = [(m["channel"], m["header"]["msg_type"], str(m["content"])[:200]) for m in self.messages[-20:]]
            text = f"nothing on {channel}; the last that came: {kinds}\nthe kernel's log:\n{self._log()[-4000:]}"
            raise AssertionError(text) from None
        self.messages.append(_as_sent(channel, raw))
        return self.messages[-1]

    def catch_up(self) -> None:
        """Read what has come on iopub."""
        while self.zmq.iopub_channel.msg_ready():
            self._read("iopub")

    def wait_reply(self, request: Message) -> Message:
        """The reply to a request, without what was published for it."""
        return self.wait(request["channel"], lambda msg: _answers(msg, request))

    def wait_text(self, request: Message, text: str) -> None:
        """Wait until a text was printed for a request."""

        def has_text(_: Message) -> bool:
            done = self.exchange(request)
            return text in done.text() + done.text("stderr")

        self.wait("iopub", has_text)

    def finish(self, request: Message) -> Exchange:
        """Wait until a request is handled: its reply, and its idle status."""
        self.wait_reply(request)
        self.wait("iopub", lambda m: _answers(m, request) and m["content"].get("execution_state") == "idle")
        self._finished.append(request["header"]["msg_id"])
        return self.exchange(request)

    def exchange(self, request: Message) -> Exchange:
        """What has come of a request so far."""
        return Exchange(request, [m for m in self.messages if _answers(m, request)])

    def request(self, msg_type: str, content: Content | None = None, channel: Channel = "shell") -> Exchange:
        """Send a request and wait until it is handled."""
        return self.finish(self.send(msg_type, content, channel))

    def execute(self, code: str, **content: Any) -> Exchange:
        """Run a cell and wait until it is handled."""
        return self.finish(self.start(code, **content))

    def result(self, code: str) -> str:
        """The text of a cell's result. A cell that fails or shows none is a failure."""
        done = self.execute(code)
        assert done.content["status"] == "ok", done.content
        (shown,) = done.of_type("execute_result")
        text: str = shown["content"]["data"]["text/plain"]
        return text

    def wait_question(self) -> Message:
        """The next input_request that has not been read yet."""
        return self._read("stdin")

    def answer(self, text: str, question: Message | None = None) -> None:
        """Answer an input_request, as jupyter_client does or, with the question, as JupyterLab does."""
        parent = question["header"] if question else None
        self.zmq.stdin_channel.send(self.zmq.session.msg("input_reply", {"value": text}, parent))

    def beat(self, text: bytes) -> None:
        """Send a heartbeat and wait for its echo."""
        with self.zmq.connect_hb() as sock:
            sock.linger = 0
            sock.send(text)
            assert sock.poll(GUARD * 1000), "the heart stands still"
            assert sock.recv() == text

    def check(self) -> None:
        """Hold all that was received for this client's requests against the specification.

        Channels keep no order among each other: what came on others than iopub counts as sent before the idle status.
        """
        for msg_id in self._finished:
            mine = [m for m in self.messages if m["parent_header"].get("msg_id") == msg_id]
            idle = [m for m in mine if m["content"].get("execution_state") == "idle"]
            mine.sort(key=lambda m: (m in idle, m["channel"] != "iopub"))
            check_conversation(mine)


def _answers(msg: Message, request: Message) -> bool:
    return msg["parent_header"].get("msg_id") == request["header"]["msg_id"]


def _as_sent(channel: str, raw: Mapping[str, Any]) -> Any:
    """A message as it is on the wire: jupyter_client makes dates of some texts."""
    parts = {name: raw[name] for name in ("header", "parent_header", "metadata", "content", "buffers")}
    for name in ("header", "parent_header"):
        parts[name] = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in parts[name].items()}
    return {"channel": channel, **parts}


class Kernel:
    """A kernel process and its clients."""

    def __init__(self, manager: KernelManager, log: Path) -> None:
        self.manager = manager
        self.log_file = log
        self._exit = ExitStack()
        self.main = self.client()

    @property
    def pid(self) -> int:
        pid: int = self.manager.provisioner.process.pid
        return pid

    @property
    def status(self) -> dict[str, str]:
        """What Linux knows of its process."""
        return dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())

    @property
    def log(self) -> str:
        """What the kernel wrote to the stderr of its process."""
        return self.log_file.read_text()

    def client(self, session: Session | None = None, *, stdin: bool = True) -> Client:
        """One more client, in a session of its own unless one is given, with or without a stdin socket."""
        own = self.manager.session
        session = session or Session(key=own.key, signature_scheme=own.signature_scheme)
        client = Client(self.manager.client(session=session), lambda: self.log).connect(stdin=stdin)
        self._exit.callback(client.close)
        return client

    def interrupt(self) -> None:
        """Interrupt as the kernelspec says: by a message or by a signal."""
        self.manager.interrupt_kernel()

    def wait_end(self) -> int:
        """Wait until the process has ended, and return its exit code."""
        process = self.manager.provisioner.process
        code: int = process.wait(GUARD)
        return code

    def close(self) -> None:
        """Close the clients."""
        self._exit.close()


@contextmanager
def start_kernel(
    flavour: Flavour,
    folder: Path,
    *args: str,
    name: str | None = None,
    manager: Mapping[str, Any] | None = None,
    errors: bool = False,
    exit_code: int = 0,
    **popen: Any,
) -> Generator[Kernel]:
    """A kernel for the duration of the block. It must end when it is asked to, and leave nothing behind.

    Args:
        flavour: what it runs on.
        folder: gets its log.
        args: more arguments of its command line.
        name: the name of the kernelspec, in place of the flavour's own.
        manager: traits of the KernelManager.
        errors: whether its log may tell of errors.
        exit_code: what its process must end with.
        popen: for the process: `env`, `cwd`.
    """
    km = KernelManager(
        kernel_name=name or flavour.kernel_name,
        transport=flavour.transport,
        connection_file=os.path.join(os.environ["JUPYTER_RUNTIME_DIR"], f"kernel-{uuid4()}.json"),
        **{"shutdown_wait_time": GUARD, **(manager or {})},  # the end takes long on a busy machine
    )
    log = folder / f"kernel-{time.monotonic_ns()}.log"
    with log.open("wb") as file:
        km.start_kernel(extra_arguments=[*flavour.arguments, *args], stderr=file, stdout=file, **popen)
        process = km.provisioner.process
        kernel = Kernel(km, log)
        try:
            yield kernel
            kernel.close()
            km.shutdown_kernel()
        finally:
            kernel.close()
            if process.poll() is None:
                process.kill()
                process.wait()
                km.cleanup_resources()
    assert process.returncode == exit_code, f"exit code {process.returncode}:\n{kernel.log}"
    assert errors or "Traceback" not in kernel.log, kernel.log
