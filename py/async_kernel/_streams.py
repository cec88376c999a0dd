"""sys.stdout and sys.stderr as stream messages, batched, in order, each to the cell that wrote it."""

from __future__ import annotations

import codecs
import io
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from async_kernel._frames import current_frames
from async_kernel._platform import HAS_THREADS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, FrameType
    from typing import TextIO

    from typing_extensions import Buffer

    from async_kernel._context import Request
    from async_kernel._iopub import IOPub

StreamName = Literal["stdout", "stderr"]

INTERVAL: Final = 0.05
"""Seconds between the messages of a flood."""
BURST: Final = 10
"""Lines that go out at once before output counts as a flood."""
SIZE: Final = 1 << 16 if HAS_THREADS else 1 << 19
"""Characters that are held back at the most. On the desktop this is how long a message of a flood is, and transports
count what a client has not read in messages.
"""
PATIENCE: Final = 4 if HAS_THREADS else 1
"""Intervals after which an unfinished line goes out."""


@dataclass(slots=True)
class _Line:
    """What a thread has written of a line."""

    name: StreamName
    request: Request | None
    call: tuple[CodeType, int] | None = None
    """Where the call is that wrote the last piece."""
    pieces: list[str] = field(default_factory=list)
    age: int = 0
    """In intervals, since it was begun."""


_DEPTH: Final = 3
"""At least so many calls within this module lead to a piece's place, which is asked for with each."""


def _place_of_call() -> tuple[CodeType, int]:
    """The place of the call into this module."""
    frame, own = sys._getframe(_DEPTH), globals()
    while frame.f_globals is own and frame.f_back:
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


class StreamBatcher:
    """Holds what is written back for a moment, so that a flood of prints is a few messages.

    The first lines go out at once. What follows faster than `BURST` lines an `INTERVAL` goes out together, once an
    interval; a timer sends the rest. A line that is written in pieces is held back until it is whole, so that lines of
    several threads do not mix.

    Args:
        send: sends the text of one stream for one request.
        call_later: runs a function after a delay in seconds, from any thread.
        owner: the request that the calling code writes for.
        owner_past_streams: the request that is written for past the streams, by nobody who is known.
        iopub: the channel that it sends on.
        clock: the time in seconds.
    """

    def __init__(
        self,
        send: Callable[[StreamName, str, Request | None], None],
        call_later: Callable[[float, Callable[[], None]], object],
        owner: Callable[[], Request | None],
        owner_past_streams: Callable[[], Request | None],
        iopub: IOPub,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._send = send
        self._call_later = call_later
        self._owner = owner
        self._owner_past_streams = owner_past_streams
        self._iopub = iopub
        self._lock = iopub.lock
        self._held: list[tuple[StreamName, Request | None, list[str]]] = []
        self._last: dict[Request | None, tuple[StreamName, Request | None, list[str]]] = {}
        self._lines: dict[int, _Line] = {}
        """The unfinished line of each thread."""
        self._size = 0
        self._credit = float(BURST)
        self._filled = self._flushed = clock()
        self._timer = False
        self.has_sent = False
        """Whether anything has been since a writer last saw that clients keep up."""
        self._diverted: Mapping[StreamName, TextIO] = {}
        self.drain: Callable[[], None] = lambda: None
        """Takes in what was written past the streams, to file descriptors."""
        self.checkpoint: Callable[[], None] = lambda: None
        """Called when a piece has been taken, where an exception tears nothing."""

    def write(self, name: StreamName, text: str) -> None:
        """Take the next piece of a stream."""
        if not text:
            return
        if self._diverted:
            self._diverted[name].write(text)
            return
        with self._lock:
            self.drain()
            thread, request = threading.get_ident(), self._owner()
            line = self._lines.get(thread)
            if line and (line.request is not request or line.name != name):
                self._finish(thread)
                line = None
            whole, end, rest = text.rpartition("\n")
            if end:
                if line:
                    del self._lines[thread]
                    whole = self._text_of(line) + whole
                    line = None
                self._hold(name, request, whole + end)
            if rest:
                if line is None:
                    line = self._lines[thread] = _Line(name, request)
                line.pieces.append(rest)
                line.call = _place_of_call()
                self._size += len(rest)
                if self._timer and self._size <= SIZE:
                    return
            elif self._may_flush():
                self._send_held()
                return
            self._flush_later()

    def pace(self) -> None:
        """Wait until clients have caught up with what was sent. Called where nothing is held that others wait for."""
        self._iopub.pace()
        self.has_sent = False

    def _text_of(self, line: _Line) -> str:
        text = "".join(line.pieces)
        self._size -= len(text)
        return text

    def _finish(self, thread: int) -> None:
        """Hold the unfinished line of a thread as if it were a whole one."""
        if line := self._lines.pop(thread, None):
            self._hold(line.name, line.request, self._text_of(line))

    def _call_of(self, frame: FrameType | None) -> tuple[CodeType, int] | None:
        """The place of the call by which a thread came to write, if that is what its frame is about."""
        waits_in = {__name__, self.checkpoint.__module__, self._iopub.__module__}
        while frame and frame.f_globals.get("__name__") in waits_in:
            frame = frame.f_back
        return (frame.f_code, frame.f_lasti) if frame else None

    def is_writing(self, frame: FrameType | None) -> bool:
        """Whether the calling thread, which runs `frame`, is in the midst of a call that has begun a line."""
        line = self._lines.get(threading.get_ident())
        return line is not None and line.call == self._call_of(frame)

    def divert(self, streams: Mapping[StreamName, TextIO]) -> None:
        """From now on write to `streams`, and send nothing: in a process that was forked."""
        self._diverted = streams
        self.drain = self._flush_diverted
        self._held, self._size = [], 0
        self._last.clear()
        self._lines.clear()

    def _flush_diverted(self) -> None:
        for stream in self._diverted.values():
            stream.flush()

    def poll(self) -> None:
        """Take in what was written past the streams."""
        with self._lock:
            self.drain()
            self._flush_later()

    def hold(self, name: StreamName, text: str) -> None:
        """Take a piece for the next flush. Called by `drain`."""
        request = self._owner_past_streams()
        self._finish_lines(lambda line: line.request is request)  # they were begun before it
        self._hold(name, request, text)

    def _hold(self, name: StreamName, request: Request | None, text: str) -> None:
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
            self._send_held()  # unfinished lines stay whole, unless it is they that are too much
        if self._size > SIZE:
            self.flush_all()
        elif (self._held or self._lines) and not self._timer:
            self._timer = True
            self._call_later(INTERVAL, self._on_timer)

    def flush(self, ended: Request | None = None) -> None:
        """Send what is held back, and the unfinished lines of the calling thread and of a request that has ended."""
        with self._lock:
            self.drain()
            self._finish(threading.get_ident())
            if ended:
                self._finish_lines(lambda line: line.request is ended)
            self._send_held()

    def flush_all(self) -> None:
        """Send all there is."""
        with self._lock:
            self.drain()
            self._finish_lines(lambda _: True)
            self._send_held()

    def flush_overdue(self, frame: FrameType | None) -> None:
        """Send what waits for a timer: for code that keeps the event loop from turning, and runs `frame`."""
        if self._timer:
            with self._lock:
                self.drain()
                if not self.is_writing(frame):
                    self._finish(threading.get_ident())
                self._send_held()

    def _finish_lines(self, which: Callable[[_Line], bool]) -> None:
        for thread, line in list(self._lines.items()):
            if which(line):
                self._finish(thread)

    def _send_held(self) -> None:
        held, self._held = self._held, []
        self._size -= sum(len(text) for _, _, texts in held for text in texts)
        self._last.clear()
        if held:
            self._flushed = self._clock()
            self.has_sent = True
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
        with self._lock:
            self._timer = False
            if not self._iopub.is_behind:
                self.drain()
            frames = current_frames()
            for thread, line in self._lines.items():
                # `print` writes its arguments one by one, and between them a thread may wait for seconds for its turn.
                line.age += self._call_of(frames.get(thread)) != line.call
            self._finish_lines(lambda line: line.age >= PATIENCE)
            self._send_held()
            self._flush_later()


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

    def write(self, text: object, /) -> int:
        if not isinstance(text, str):
            msg = f"write() argument must be str, not {type(text).__name__}"
            raise TypeError(msg)
        batcher = self._batcher
        batcher.write(self._name, text)
        batcher.checkpoint()
        if batcher.has_sent:
            batcher.pace()
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
        self.batcher.flush_all()
        if self._old:
            (sys.stdout, sys.stderr), self._old = self._old, None
