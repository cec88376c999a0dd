"""The connection: the kernel's messages as frames on the sockets."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from async_kernel._signal_handlers import ForeignHandlers
from async_kernel._transport import Connection
from IPython.core.error import StdinNotImplementedError

from async_kernel_zmq._sockets import Sockets
from async_kernel_zmq._wire import Packer, Signer, WireError, from_frames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from async_kernel._wire import Buffer, Message

    from async_kernel_zmq._binding import Binding
    from async_kernel_zmq.interface import ZMQInterface


@dataclass(eq=False)
class _Question:
    """An `input_request` that waits for its answer."""

    route: object
    parents: set[str | None]
    """What an answer may name as its parent."""
    answer: queue.SimpleQueue[Message | str] = field(default_factory=queue.SimpleQueue)
    """Gets the answer, or why none can come."""


class ZMQConnection(Connection):
    """All clients of the sockets. The route of a request is its routing identities."""

    def __init__(self, interface: ZMQInterface, binding: Binding) -> None:
        self._interface = interface
        self._signer = Signer(binding.info.key.encode(), binding.info.signature_scheme)
        self._packer = Packer(self._signer)
        handlers = ForeignHandlers()
        self.sockets = Sockets(
            binding,
            receive=self._receive,
            welcome=self._welcome,
            unreachable=self._cannot_ask,
            orphaned=interface.on_orphaned,
            may_use=lambda: not handlers.may_strike(),
            log=interface.log,
        )
        self._questions: list[_Question] = []
        self._closed: str | None = None
        """Why nobody can be asked any more."""

    @property
    def is_behind(self) -> bool:
        return self.sockets.are_behind and threading.current_thread() not in self.sockets.threads

    def send(self, msg: Message, route: object = None) -> None:
        self.sockets.send(msg["channel"], self._frames(msg, route))

    def send_with_next(self, msg: Message, route: object = None) -> None:
        self.sockets.send(msg["channel"], self._frames(msg, route), can_wait=True)

    def _frames(self, msg: Message, route: object = None) -> list[Buffer]:
        if msg["channel"] == "iopub":
            prefix = [f"kernel.{msg['header']['session']}.{msg['header']['msg_type']}".encode()]
        else:
            prefix = list(route) if isinstance(route, list) else []
        return self._packer.frames(msg, prefix)

    async def drain(self) -> None:
        self.sockets.take_in()

    def request_input(self, msg: Message, route: object = None) -> Message:
        question = _Question(route, {None, msg["header"]["msg_id"], msg["parent_header"].get("msg_id")})
        self._questions.append(question)
        try:
            if not self._closed:
                self.send(msg, route)
            answer = self._closed or question.answer.get()
        finally:
            self._questions.remove(question)
        if isinstance(answer, str):
            raise StdinNotImplementedError(answer)
        return answer

    def _answer(self, msg: dict[str, Any], route: list[bytes]) -> bool:
        """Give an answer to who waits for it. Clients name the question as parent, or nothing."""
        header, parent, content = msg["header"], msg["parent_header"], msg["content"]
        if not (isinstance(header, dict) and header.get("msg_type") == "input_reply" and isinstance(content, dict)):
            return False
        asked = parent.get("msg_id") if isinstance(parent, dict) else None
        for question in list(self._questions):
            if question.route == route and asked in question.parents:
                question.answer.put(cast("Message", msg))
                return True
        return False

    def _cannot_ask(self, frames: Sequence[Buffer]) -> None:
        for question in list(self._questions):
            if isinstance(question.route, list) and question.route == list(frames[: len(question.route)]):
                question.answer.put("the client that asked for this has connected no stdin channel")

    def _receive(self, channel: str, frames: list[Buffer]) -> None:
        """Take the frames of a message. Called in the I/O thread."""
        try:
            route, raw, buffers = from_frames(frames, self._signer)
        except WireError as e:
            self._interface.log.debug("Dropped %s", e)
            return
        if channel == "stdin" and self._answer(raw, route):
            return
        self._interface.kernel.receive({**raw, "channel": channel}, self, buffers=buffers, route=route)

    def _welcome(self, topic: bytes) -> list[Buffer]:
        """Frames that tell a new subscriber that it hears everything from here on."""
        content = {"subscription": topic.decode(errors="replace")}
        msg = self._interface.msg("iopub_welcome", content=content, parent={}, channel="iopub")
        return self._packer.frames(msg, [topic])

    def close(self, why: str = "the kernel ended while it waited for input") -> None:
        """Let go of whoever waits for input, and of who asks from now on."""
        self._closed = why
        for question in list(self._questions):
            question.answer.put(why)
