"""The request that code runs for. It follows the code into tasks, callbacks and threads by context variables."""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

    from async_kernel._transport import Connection
    from async_kernel._wire import Content, Message


@dataclass(eq=False, slots=True, weakref_slot=True)
class Request:
    """A message that a client sent, and the way back to it."""

    msg: Message
    connection: Connection
    route: object = None
    """The transport's own note of where the reply goes."""
    received: float = field(default_factory=time.monotonic)
    """When it arrived, in seconds of the monotonic clock."""

    @property
    def msg_type(self) -> str:
        return self.msg["header"]["msg_type"]

    @property
    def subshell_id(self) -> str | None:
        """The subshell that it is for, None for the main shell."""
        return self.msg["header"].get("subshell_id")

    @property
    def content(self) -> Content:
        return self.msg["content"]


_request: ContextVar[Request | None] = ContextVar("async_kernel_request", default=None)


def current_request() -> Request | None:
    """The request that the calling code runs for, if it runs for one."""
    return _request.get()


@contextmanager
def request_context(request: Request) -> Generator[None]:
    """Run the block, and what it starts, for `request`."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)
