"""A kernel behind two functions: one takes messages, one sends them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from IPython.core.error import StdinNotImplementedError

from async_kernel._errors import BadMessageError
from async_kernel._json import loads
from async_kernel._message import pack, parse
from async_kernel._transport import Connection
from async_kernel.interface._base import BaseInterface, running_backend
from async_kernel.interface._launch import make_interface

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from async_kernel._wire import Buffer, Message
    from async_kernel.debugger import Engine


class Send(Protocol):
    """Called for every message out, on every channel; the channel is the key `channel` in the JSON."""

    def __call__(
        self, msg_json: str, buffers: list[Buffer] | None, requires_reply: bool, /
    ) -> str | None:  # published signature
        """Send. With `requires_reply` (stdin only), return the JSON of the reply."""


class HandleMsg(Protocol):
    """Delivers a shell or control message; its channel is in the JSON."""

    def __call__(self, msg_json: str, buffers: Sequence[Buffer] | None = None) -> None:
        """Take the message. Returns at once."""


class Handlers(TypedDict):
    """What a host program calls."""

    handle_msg: HandleMsg
    stop: Callable[[], None]


class CallableConnection(Connection):
    """Sends by calling a function. Calls come one at a time, from the thread that has something to send."""

    def __init__(self, send: Send, drain: Callable[[], Awaitable[object]] | None = None) -> None:
        self._send = send
        self._drain = drain

    def send(self, msg: Message, route: object = None) -> None:  # noqa: ARG002  # there is one way back
        text, buffers = pack(msg)
        self._send(text, buffers or None, False)  # noqa: FBT003  # published signature

    def request_input(self, msg: Message, route: object = None) -> Message:  # noqa: ARG002
        text, buffers = pack(msg)
        reply = self._send(text, buffers or None, True)  # noqa: FBT003
        if reply is None:
            text = "the host program answered an input request with None: it cannot be asked"
            raise StdinNotImplementedError(text)
        answer: Message = loads(reply)
        return answer

    async def drain(self) -> None:
        if self._drain:
            await self._drain()


class CallableInterface(BaseInterface):
    """An interface for host programs that carry messages themselves."""

    _interrupt: Callable[[], None] | None = None
    _engine: Engine | None = None

    def debug_engine(self) -> Engine | None:
        """The host program's, where it has one."""
        return self._engine

    def interrupt(self) -> None:
        """Stop the cells that run, as the host program does it, or at their next `await`."""
        if self._interrupt:
            self._interrupt()
        else:
            super().interrupt()

    async def start_async(
        self,
        *,
        send: Send,
        stopped: Callable[[], None],
        drain: Callable[[], Awaitable[object]] | None = None,
        interrupt: Callable[[], None] | None = None,
        engine: Engine | None = None,
    ) -> Handlers:
        """Start the kernel in the current event loop.

        Args:
            send: called for every message out.
            stopped: called once, when the kernel has ended, however it ended.
            drain: returns when every message that was sent before has been delivered; for transports with a queue.
            interrupt: stops the cells that run, for hosts that reach them where they do not await.
            engine: stops code for the debugger, for hosts whose event loop goes on meanwhile.
        """
        self._interrupt, self._engine = interrupt, engine
        connection = CallableConnection(send, drain)
        self.iopub.connect(connection)
        self._spawn(stopped)
        await self.started

        def handle_msg(msg_json: str, buffers: Sequence[Buffer] | None = None) -> None:
            try:
                raw = parse(msg_json)
            except BadMessageError as e:
                self.log.warning("Dropped %s", e)
                return
            self.kernel.receive(raw, connection, buffers=buffers)

        return {"handle_msg": handle_msg, "stop": self.stop}

    def _spawn(self, stopped: Callable[[], None]) -> None:
        if running_backend() == "trio":
            import trio

            trio.lowlevel.spawn_system_task(self._run_logged, stopped)
        else:
            self._task = asyncio.create_task(self._run_logged(stopped))

    async def _run_logged(self, stopped: Callable[[], None]) -> None:
        try:
            await self.run(stopped)
        except Exception:
            # An error of the start is raised to the starter; there is nobody to raise a later one to.
            if not self.started.exception():
                self.log.exception("The kernel ended with an error")


async def start_kernel_callable_interface(
    *, send: Send, stopped: Callable[[], None], settings: Mapping[str, Any] | None = None
) -> Handlers:
    """Start a kernel in the current event loop that is reached by two functions.

    Args:
        send: called for every message out, on every channel.
        stopped: called once, when the kernel has ended, however it ended.
        settings: traitlets configuration, class-qualified or by alias; `interface_class` may name a subclass of
            `CallableInterface` by dotted path.

    Raises:
        SettingsError: a setting is unknown or of the wrong kind.
        RuntimeError: a kernel runs in this process already.
    """
    interface = make_interface(CallableInterface, settings or {})
    return await interface.start_async(send=send, stopped=stopped)
