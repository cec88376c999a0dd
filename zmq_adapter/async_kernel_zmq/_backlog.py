"""What the clients of iopub have not taken yet: kept while they read slowly, dropped for who has stopped."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

import zmq

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Sequence

    from async_kernel._wire import Buffer

MARK: Final = 1000
"""Messages that ZMQ keeps for each client. That a client has read becomes known with each half of them. It is never
changed: libzmq 4.3.5 crashes if that is done while a client leaves.
"""
PATIENCE: Final = 5.0
"""Seconds without such news after which a client counts as stopped."""
LIMIT: Final = 1 << 24
"""Bytes kept here from which on cells wait that write more."""
MOST: Final = 1 << 28
"""Bytes kept here at the most."""
_PAUSE: Final = 20
"""Milliseconds between two attempts at the end."""


class Backlog:
    """The iopub messages that ZMQ has not taken, since a client is too far behind.

    Whoever reads slowly slows down what is sent to all, so that nobody loses anything. Who has stopped must keep
    nobody waiting. Not other clients: messages are sent without it, until it has read half of what it has. Nor, where
    it is alone, a cell: it may be a client that reads the output when it has the reply, so that up to `MOST` is kept.

    Args:
        sock: the socket, with `MARK` for its mark, which raises `zmq.Again` at it.
        send: sends a message on it at once and calls a function when that is done, or raises `zmq.Again`.
        log: told of what is dropped.
    """

    def __init__(
        self,
        sock: zmq.Socket[bytes],
        send: Callable[[zmq.Socket[bytes], Sequence[Buffer], Callable[[], object]], None],
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        self._sock = sock
        self._send = send
        self._log = log
        self._messages: deque[Sequence[Buffer]] = deque()
        self._size = 0
        self._moved = 0.0  # when the last of them went out
        self.subscriptions = 0
        """How many there are."""

    def __bool__(self) -> bool:
        return bool(self._messages)

    @property
    def is_full(self) -> bool:
        """Whether who writes more should wait. Asked from any thread."""
        return self._size > LIMIT and not self._stands_still

    @property
    def _stands_still(self) -> bool:
        return time.monotonic() - self._moved > PATIENCE

    def add(self, frames: Sequence[Buffer], *, first: bool = False) -> None:
        """Keep a message, in front of the others or behind them."""
        if not self._messages:
            self._moved = time.monotonic()
        (self._messages.appendleft if first else self._messages.append)(frames)
        self._size += sum(map(len, frames))

    def send(self) -> None:
        """Send what there is room for."""
        while self._messages:
            frames = self._messages[0]
            try:
                self._send(self._sock, frames, self._messages.popleft)
            except zmq.Again:
                if not (self._stands_still and (self.subscriptions > 1 or self._size > MOST)):
                    return
                self._send_without_who_has_stopped(frames)
            self._size -= sum(map(len, frames))
            self._moved = time.monotonic()

    def _send_without_who_has_stopped(self, frames: Sequence[Buffer]) -> None:
        self._log.warning(
            "A client has not read the last %s messages: it loses what comes until it has read half of them", MARK
        )
        self._sock.setsockopt(zmq.XPUB_NODROP, 0)
        try:
            self._send(self._sock, frames, self._messages.popleft)
        finally:
            self._sock.setsockopt(zmq.XPUB_NODROP, 1)

    def finish(self, seconds: float) -> None:
        """Send what there is room for within this time, and drop the rest."""
        until = time.monotonic() + seconds
        self.send()
        while self._messages and (left := until - time.monotonic()) > 0:
            self._sock.poll(min(int(left * 1000), _PAUSE))  # not for room: ZMQ does not tell of it
            self.send()
        if self._messages:
            self._log.warning("Dropped %s messages that clients have not read", len(self._messages))
