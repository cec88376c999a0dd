"""For tests and embedders: a client in the kernel's own process, one for any other way to a kernel, a host."""

from __future__ import annotations

import queue
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from async_kernel._json import loads
from async_kernel._message import MessageFactory, pack
from async_kernel.caller import Host, Pending
from async_kernel.interface import start_kernel_callable_interface

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from async_kernel._wire import Buffer, Channel, Content, Message

    Deliver = Callable[[str, list[Buffer] | None], None]

__all__ = ["Exchange", "KernelClient", "QueueHost", "execute_content", "in_process_client"]


@dataclass
class Exchange:
    """A request and all that came of it."""

    request: Message
    messages: list[Message] = field(default_factory=list)
    """What the kernel sent with this request as parent, on every channel, in its order."""

    @property
    def reply(self) -> Message:
        """The reply."""
        replies = [m for m in self.messages if m["channel"] in ("shell", "control")]
        assert len(replies) == 1, f"{len(replies)} replies to {self.request['header']['msg_type']}"
        return replies[0]

    @property
    def content(self) -> Content:
        """The content of the reply."""
        return self.reply["content"]

    @property
    def iopub(self) -> list[Message]:
        """What was published for it."""
        return [m for m in self.messages if m["channel"] == "iopub"]

    def of_type(self, *msg_types: str) -> list[Message]:
        """The messages of some types."""
        return [m for m in self.messages if m["header"]["msg_type"] in msg_types]

    def text(self, name: str = "stdout") -> str:
        """What was written to a stream."""
        return "".join(m["content"]["text"] for m in self.of_type("stream") if m["content"]["name"] == name)


class KernelClient:
    """A client of one kernel, whatever carries the messages.

    Give its `receive` what the kernel sends. Waiting is for messages, never for time.

    Args:
        deliver: carries a message's JSON text and buffers to the kernel.
    """

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self.factory = MessageFactory()
        self.messages: list[Message] = []
        """All that the kernel sent, in its order."""
        self.answer_input: Callable[[Message], str] | None = None
        """Answers an `input_request` with the text to give."""
        self._lock = threading.Lock()
        self._waiting: list[tuple[Callable[[Message], bool], Pending[Message]]] = []

    def receive(
        self,
        msg_json: str,
        buffers: Sequence[Buffer] | None = None,
        requires_reply: bool = False,
    ) -> str | None:
        """Take a message from the kernel, from any thread. Has the signature of the callable interface's `send`."""
        msg: Message = loads(msg_json)
        msg["buffers"] = list(buffers or ())
        with self._lock:
            self.messages.append(msg)
            due = [w for w in self._waiting if w[0](msg)]
            self._waiting = [w for w in self._waiting if w not in due]
        for _, pending in due:
            pending.set_result(msg)
        if not (requires_reply and self.answer_input):
            return None
        content = {"value": self.answer_input(msg)}
        return pack(self.factory.message("input_reply", channel="stdin", content=content, parent=msg))[0]

    def message(
        self, msg_type: str, content: Content | None = None, *, channel: Channel = "shell", **kwargs: Any
    ) -> Message:
        """A message of this client's session."""
        return self.factory.message(msg_type, channel=channel, content=content, **kwargs)

    def send(self, msg: Message) -> None:
        """Send a message and wait for nothing."""
        text, buffers = pack(msg)
        self._deliver(text, buffers or None)

    def send_raw(self, msg_json: str, buffers: list[Buffer] | None = None) -> None:
        """Send any text at all."""
        self._deliver(msg_json, buffers)

    async def wait_for(self, matches: Callable[[Message], bool]) -> Message:
        """The first message, past or to come, that matches."""
        with self._lock:
            for msg in self.messages:
                if matches(msg):
                    return msg
            pending: Pending[Message] = Pending()
            self._waiting.append((matches, pending))
        return await pending

    async def wait_idle(self, request: Message) -> Exchange:
        """Wait until a request is handled: its idle status, behind its reply."""
        msg_id = request["header"]["msg_id"]

        def is_idle(msg: Message) -> bool:
            return msg["parent_header"].get("msg_id") == msg_id and msg["content"].get("execution_state") == "idle"

        await self.wait_for(is_idle)
        return self.exchange(request)

    def exchange(self, request: Message) -> Exchange:
        """What has come of a request so far."""
        msg_id = request["header"]["msg_id"]
        return Exchange(request, [m for m in self.messages if m["parent_header"].get("msg_id") == msg_id])

    async def request(self, msg_type: str, content: Content | None = None, **kwargs: Any) -> Exchange:
        """Send a request and wait until it is handled."""
        msg = self.message(msg_type, content, **kwargs)
        self.send(msg)
        return await self.wait_idle(msg)

    async def execute(self, code: str, **content: Any) -> Exchange:
        """Run a cell and wait until it is handled."""
        return await self.request("execute_request", execute_content(code, **content))


def execute_content(code: str, **content: Any) -> Content:
    """The content of an `execute_request`, as clients send it."""
    return {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": True,
        "stop_on_error": True,
        **content,
    }


@asynccontextmanager
async def in_process_client(settings: Mapping[str, Any] | None = None) -> AsyncGenerator[KernelClient]:
    """A kernel in the current event loop, and a client of it. The kernel ends with the block."""
    ended: Pending[None] = Pending()

    def deliver(text: str, buffers: list[Buffer] | None) -> None:
        handlers["handle_msg"](text, buffers)

    client = KernelClient(deliver)
    handlers = await start_kernel_callable_interface(
        send=client.receive, stopped=lambda: ended.set_result(None), settings=settings
    )
    try:
        yield client
    finally:
        handlers["stop"]()
        await ended


class QueueHost(Host):
    """The simplest host: a main loop that calls functions from a queue. It has no windows."""

    def __init__(self) -> None:
        self._functions: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()

    def run_soon(self, function: Callable[[], object], /) -> None:
        """Put the function into the queue."""
        self._functions.put(function)

    run_soon_threadsafe = run_soon

    def done(self) -> None:
        """Put the end into the queue."""
        self._functions.put(None)

    def mainloop(self) -> None:
        """Call one function after another."""
        while (function := self._functions.get()) is not None:
            function()
