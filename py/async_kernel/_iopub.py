"""The iopub channel: what the kernel tells every client."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from async_kernel._context import Request
    from async_kernel._transport import Connection
    from async_kernel._wire import Message

_PAUSE: Final = 0.002
"""Seconds between two looks whether clients have caught up."""


class IOPub:
    """Sends iopub messages to every connection, in one order, from any thread.

    What is sent before `open` is kept and sent then.
    """

    def __init__(self) -> None:
        self._connections: list[Connection] = []
        self._kept: list[Message] | None = []
        self.lock = threading.RLock()
        """Held while messages go out; the streams hold it too, so that none overtakes the other."""
        self.before_send: Callable[[Request | None], None] = lambda _: None
        """Called before each message: sends what streams hold back, so that output keeps its order. Gets the request
        that has been handled, if one has.
        """

    def connect(self, connection: Connection) -> None:
        """Send to `connection` too, from now on."""
        with self.lock:
            self._connections = [*self._connections, connection]

    def disconnect(self, connection: Connection) -> None:
        """Send to `connection` no more."""
        with self.lock:
            self._connections = [c for c in self._connections if c is not connection]

    @property
    def is_behind(self) -> bool:
        """Whether clients are so far behind with reading that no more should be written for now."""
        return any(connection.is_behind for connection in self._connections)

    def pace(self) -> None:
        """Wait until they have caught up. For code that may write without end, in a thread that holds no lock."""
        while self.is_behind:
            time.sleep(_PAUSE)

    def open(self) -> None:
        """Send what was kept, and from now on at once."""
        with self.lock:
            kept, self._kept = self._kept, None
            for msg in kept or ():
                self.send_now(msg)

    def send(self, msg: Message, *, can_wait: bool = False) -> None:
        """Send `msg` behind all output that was written before. One that can wait may go out with the next."""
        with self.lock:
            self.before_send(None)
            self.send_now(msg, can_wait=can_wait)

    def send_now(self, msg: Message, *, can_wait: bool = False) -> None:
        """Send `msg` ahead of what the streams still hold."""
        with self.lock:
            if self._kept is not None:
                self._kept.append(msg)
                return
            for connection in self._connections:
                (connection.send_with_next if can_wait else connection.send)(msg)
