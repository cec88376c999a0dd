"""A kernel process behind ZMQ sockets, its messages in the one order that a client of the suite expects."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import zmq
from desktop.kernels import start_kernel
from protocol.line import READER, Line

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
    from pathlib import Path

    from async_kernel._wire import Buffer
    from desktop.kernels import Flavour
    from jupyter_client.manager import KernelManager

_DELIMITER = b"<IDS|MSG>"
_PARTS = ("header", "parent_header", "metadata", "content")
_TURN = 100
"""Milliseconds after which the reader looks whether the process has ended."""


class Received:
    """A message as its frames say it."""

    def __init__(self, channel: str, parts: Sequence[bytes], buffers: list[bytes]) -> None:
        self.channel = channel
        self.buffers = buffers
        members = [f'"{name}": {part.decode()}' for name, part in zip(_PARTS, parts, strict=True)]
        self.text = f'{{"channel": "{channel}", {", ".join(members)}}}'
        header, parent, _, content = (json.loads(part) for part in parts)
        self.msg_type: str = header["msg_type"]
        self.parent_id: str | None = parent.get("msg_id")
        self.parent_type: str = parent.get("msg_type", "")
        self.parent_session: str | None = parent.get("session")
        self.state: str | None = content.get("execution_state")


class Order:
    """Puts what comes on several sockets into the order in which the kernel sent it.

    A reply stands right before the idle status of its request. A question stands where `probe`, which asks the kernel
    something when the question comes, has its idle status.

    Args:
        probe: sends a request to the kernel and returns its msg_id.
    """

    def __init__(self, probe: Callable[[], str]) -> None:
        self._probe = probe
        self._replies: dict[str | None, Received] = {}
        self._questions: dict[str | None, Received] = {}
        """By the probe that was sent for them."""
        self._published: deque[Received] = deque()
        """What waits for a reply, and what came behind it."""

    def take(self, msg: Received) -> Iterable[Received]:
        """The messages that are due now that `msg` has come."""
        if msg.channel == "stdin":
            self._questions[self._probe()] = msg
        elif msg.channel == "iopub":
            self._published.append(msg)
        else:
            self._replies[msg.parent_id] = msg
        while self._published:
            first = self._published[0]
            if first.state == "idle" and first.parent_type.endswith("_request"):
                if first.parent_id not in self._replies:
                    return
                yield self._replies.pop(first.parent_id)
            yield self._published.popleft()
            if first.state == "idle" and first.parent_id in self._questions:
                yield self._questions.pop(first.parent_id)


class ZMQKernel:
    """A kernel process, and the sockets to it. See `Line` for who gets its messages.

    Args:
        manager: has started the process.
    """

    def __init__(self, manager: KernelManager) -> None:
        self.line = Line()
        self.has_ended = False
        identity = uuid4().hex.encode()
        self._session = manager.session
        self._process = manager.provisioner.process
        self._sockets = {
            "shell": manager.connect_shell(identity=identity),
            "control": manager.connect_control(identity=identity),
            "stdin": manager.connect_stdin(identity=identity),
            "iopub": manager.connect_iopub(),
        }
        self._outbox: deque[tuple[str, Sequence[Buffer]]] = deque()
        self._wake, self._woken = socket.socketpair()
        self._order = Order(self._send_probe)
        self._probe_session = uuid4().hex
        self._closed = threading.Event()

    def connect(self) -> None:
        """Wait until the kernel says that everything it publishes is heard."""
        assert self._receive("iopub").msg_type == "iopub_welcome"

    def deliver(self, text: str, buffers: Sequence[Buffer] | None = None) -> None:
        """Send a message, or the frames that come closest to a text that is none. From any thread."""
        try:
            raw: Any = json.loads(text)
        except (ValueError, RecursionError):
            raw = None
        if isinstance(raw, dict):
            parts = [json.dumps(raw.get(name)).encode() for name in _PARTS]
        else:
            parts = [text.encode("utf-8", "surrogatepass"), b"{}", b"{}", b"{}"]
        channel = raw.get("channel") if isinstance(raw, dict) else None
        self._send(channel if channel in ("control", "stdin") else "shell", parts, buffers or ())

    def _send(self, channel: str, parts: Sequence[bytes], buffers: Sequence[Buffer] = ()) -> None:
        self._outbox.append((channel, [_DELIMITER, self._session.sign(list(parts)), *parts, *buffers]))
        self._wake.send(b"!")

    def _send_probe(self) -> str:
        msg_id = uuid4().hex
        header = {"msg_id": msg_id, "msg_type": "kernel_info_request", "session": self._probe_session}
        self._send("control", [json.dumps(header).encode(), b"{}", b"{}", b"{}"])
        return msg_id

    def run(self) -> None:
        """Carry messages until the process ends, or `close`. Runs in a thread, the only one that uses the sockets."""
        poller = zmq.Poller()
        for each in (self._woken, *self._sockets.values()):
            poller.register(each, zmq.POLLIN)
        while not self._closed.is_set():
            has_ended = self._process.poll() is not None
            ready = dict(poller.poll(_TURN))
            if self._woken.fileno() in ready:
                self._woken.recv(4096)
                while self._outbox:
                    channel, frames = self._outbox.popleft()
                    self._sockets[channel].send_multipart(frames)
            for channel, each in self._sockets.items():
                if each in ready:
                    for msg in self._order.take(self._receive(channel)):
                        self._pass_on(msg)
            if has_ended and not ready:
                self.has_ended = True
                self.line.on_stopped()
                return

    def _receive(self, channel: str) -> Received:
        frames = self._sockets[channel].recv_multipart()
        start = frames.index(_DELIMITER) + 1
        signature, parts, buffers = frames[start], frames[start + 1 : start + 5], frames[start + 5 :]
        assert signature == self._session.sign(parts)
        return Received(channel, parts, buffers)

    def _pass_on(self, msg: Received) -> None:
        if msg.parent_session == self._probe_session:
            return
        reply = self.line.receive(msg.text, list(msg.buffers), msg.channel == "stdin")
        if reply is not None:
            self.deliver(reply)

    def close(self) -> None:
        """End `run` and close the sockets."""
        self._closed.set()
        self._wake.send(b"!")

    def close_sockets(self) -> None:
        for each in (self._wake, self._woken, *self._sockets.values()):
            each.close()


@contextmanager
def zmq_kernel(flavour: Flavour, folder: Path, settings: Mapping[str, Any]) -> Generator[ZMQKernel]:
    """A kernel process that has started, ended with the block.

    Args:
        flavour: what it runs on.
        folder: gets its log.
        settings: options of its command line by their aliases.
    """
    options = [f"--{name}={value}" for name, value in settings.items()]
    with start_kernel(flavour, folder, *options, errors=True) as process:
        process.main.close()
        kernel = ZMQKernel(process.manager)
        kernel.connect()
        thread = threading.Thread(target=kernel.run, name=READER)
        thread.start()
        try:
            yield kernel
        finally:
            kernel.close()
            thread.join()
            kernel.close_sockets()
