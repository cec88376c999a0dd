"""From a kernel that several tests share to the client of the one that runs."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from protocol.client import ProtocolClient

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from async_kernel._wire import Buffer


PATIENCE = 5
"""How often tests wait in vain for a kernel that they share, before the others fail at once."""
READER = "messages of a kernel process"
"""The name of threads that read them, as long as a transport is in use."""


class Line:
    """Carries what a kernel sends to the client of the test that runs."""

    def __init__(self) -> None:
        self._client: ProtocolClient | None = None
        self._lock = threading.Lock()
        self.streams = sys.stdout, sys.stderr
        """What the kernel has put in their place, where it shares this process."""
        self._missed = 0

    @contextmanager
    def client(self, deliver: Callable[[str, list[Buffer] | None], None]) -> Generator[ProtocolClient]:
        """A client for the duration of the block."""
        assert self._missed < PATIENCE, "the kernel has left earlier tests without an answer"
        client = ProtocolClient(deliver)
        with self._lock:
            self._client = client
        try:
            yield client
        finally:
            self._missed += client.missed
            with self._lock:
                self._client = None

    def receive(self, text: str, buffers: list[Buffer] | None, requires_reply: bool) -> str | None:
        with self._lock:
            client = self._client
        # Without a client it was said by something that outlived its test.
        return client.receive(text, buffers, requires_reply) if client else None

    def on_stopped(self) -> None:
        if self._client:
            self._client.on_stopped()

    def fail(self, why: str) -> None:
        if self._client:
            self._client.fail(why)
