"""sys.stdout and sys.stderr as stream messages, batched, in order, each to the cell that wrote it."""

from __future__ import annotations

import codecs
import io
import sys
import time
from typing import TYPE_CHECKING, Final, Literal, cast

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from typing import TextIO

    from typing_extensions import Buffer

    from async_kernel._context import Request

StreamName = Literal["stdout", "stderr"]

INTERVAL: Final = 0.05
"""Seconds between the messages of a flood."""
BURST: Final = 10
"""Lines that go out at once before output counts as a flood."""
SIZE: Final = 1 << 19
"""Characters that are held back at the most."""


class StreamBatcher:
    """Holds what is written back for a moment, so that a flood of prints is a few messages.

    The first lines go out at once. What follows faster than `BURST` lines an `INTERVAL` goes out together, once an
    interval; a timer sends the rest.

    Args:
        send: sends the text of one stream for one request.
        call_later: runs a function after a delay in seconds, from any thread.
        owner: the request that the calling code writes for.
        lock: the lock of the channel that it sends on.
        clock: the time in seconds.
    """

    def __init__(
        self,
        send: Callable[[StreamName, str, Request | None], None],
        call_later: Callable[[float, Callable[[], None]], object],
        owner: Callable[[], Request | None],
        lock: threading.RLock,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._send = send
        self._call_later = call_later
        self._owner = owner
        self._lock = lock
        self._held: list[tuple[StreamName, Request | None, list[str]]] = []
        self._last: dict[Request | None, tuple[StreamName, Request | None, list[str]]] = {}
        self._size = 0
        self._credit = float(BURST)
        self._filled = self._flushed = clock()
        self._timer = False
        self.drain: Callable[[], None] = lambda: None
        """Takes in what was written past the streams, to file descriptors."""

    def write(self, name: StreamName, text: str) -> None:
        """Take the next piece of a stream."""
        if not text:
            return
        with self._lock:
            self.drain()
            self.hold(name, text)
            if text.endswith("\n") and self._may_flush():
                self.flush()
            else:
                self._flush_later()

    def poll(self) -> None:
        """Take in what was written past the streams."""
        with self._lock:
            self.drain()
            self._flush_later()

    def hold(self, name: StreamName, text: str) -> None:
        """Take a piece for the next flush. Called by `drain`."""
        request = self._owner()
        # The order of what different cells write is nobody's concern: lines of theirs that mix stay whole.
        last = self._last.get(request)
        if last and last[0] == name:
            last[2].append(text)
        else:
            self._last[request] = (name, request, [text])
            self._held.append(self._last[request])
        self._size += len(text)

    def _flush_later(self) -> None:
        if self._size > SIZE:
            self.flush()
        elif self._held and not self._timer:
            self._timer = True
            self._call_later(INTERVAL, self._on_timer)

    def flush(self) -> None:
        """Send all that is held back."""
        with self._lock:
            self.drain()
            held, self._held, self._size = self._held, [], 0
            self._last.clear()
            if held:
                self._flushed = self._clock()
            for name, request, texts in held:
                self._send(name, "".join(texts), request)

    def _may_flush(self) -> bool:
        """Whether a line may go out now: from a bucket that fills by one an interval."""
        now = self._clock()
        self._credit = min(BURST, self._credit + (now - self._filled) / INTERVAL)
        self._filled = now
        if self._credit < 1:
            return now - self._flushed >= INTERVAL
        self._credit -= 1
        return True

    def _on_timer(self) -> None:
        self._timer = False
        self.flush()


class OutStream(io.TextIOBase):
    """A text stream whose output goes to the cell that writes it."""

    def __init__(self, name: StreamName, batcher: StreamBatcher) -> None:
        self._name: StreamName = name
        self._batcher = batcher
        self.descriptor: int | None = None
        """The file descriptor that leads here too, if one does."""
        self._bytes = _ByteStream(self)

    @property
    def name(self) -> str:
        return f"<{self._name}>"

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has an attribute here
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]  # typeshed has an attribute here
        return "backslashreplace"

    @property
    def buffer(self) -> _ByteStream:
        """The stream for bytes, as `sys.stdout.buffer`."""
        return self._bytes

    def write(self, text: str, /) -> int:
        if not isinstance(cast("object", text), str):
            msg = f"write() argument must be str, not {type(text).__name__}"
            raise TypeError(msg)
        self._batcher.write(self._name, text)
        return len(text)

    def flush(self) -> None:
        self._batcher.flush()

    def fileno(self) -> int:
        if self.descriptor is None:
            msg = f"{self.name} of this kernel has no file descriptor"
            raise io.UnsupportedOperation(msg)
        return self.descriptor

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False


class _ByteStream(io.RawIOBase):
    """UTF-8 written to a text stream."""

    def __init__(self, text: OutStream) -> None:
        self._text = text
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def write(self, data: Buffer, /) -> int:
        data = memoryview(data).tobytes()
        self._text.write(self._decoder.decode(data))
        return len(data)

    def flush(self) -> None:
        self._text.flush()

    def writable(self) -> bool:
        return True


class StreamRedirect:
    """Puts the streams in the place of `sys.stdout` and `sys.stderr`, and back."""

    def __init__(self, batcher: StreamBatcher) -> None:
        self.batcher = batcher
        self.stdout = OutStream("stdout", batcher)
        self.stderr = OutStream("stderr", batcher)
        self._old: tuple[TextIO, TextIO] | None = None
        self.terminal: dict[StreamName, TextIO] = {}
        """The streams of the process itself, which output is echoed to."""

    def install(self) -> None:
        self._old = sys.stdout, sys.stderr
        self.terminal = {"stdout": sys.stdout, "stderr": sys.stderr}
        sys.stdout, sys.stderr = self.stdout, self.stderr

    def echo(self, name: StreamName, text: str) -> None:
        """Write to the stream of the process itself."""
        if stream := self.terminal.get(name):
            stream.write(text)
            stream.flush()

    def uninstall(self) -> None:
        self.batcher.flush()
        if self._old:
            (sys.stdout, sys.stderr), self._old = self._old, None
