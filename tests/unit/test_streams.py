"""Streams: what is held back, what goes out when, and to whom. The clock is the test's."""

from __future__ import annotations

import io
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from async_kernel._context import Request
from async_kernel._iopub import IOPub
from async_kernel._message import MessageFactory
from async_kernel._streams import BURST, INTERVAL, PATIENCE, SIZE, OutStream, StreamBatcher, StreamRedirect
from async_kernel._transport import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from async_kernel._wire import Message


class Nowhere(Connection):
    """A connection that carries nothing."""

    def send(self, msg: Message, route: object = None) -> None:
        raise NotImplementedError

    def request_input(self, msg: Message, route: object = None) -> Message:
        raise NotImplementedError


class Bench:
    """A batcher with a clock and timers that the test turns."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Request | None]] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.now = 100.0
        self.owner: Request | None = None
        self.iopub = IOPub()
        self.batcher = StreamBatcher(
            lambda *sent: self.sent.append(sent),
            lambda delay, f: self.timers.append((delay, f)),
            lambda: self.owner,
            lambda: self.owner,
            self.iopub,
            clock=lambda: self.now,
        )
        self.stdout, self.stderr = OutStream("stdout", self.batcher), OutStream("stderr", self.batcher)

    @property
    def texts(self) -> list[str]:
        return [text for _, text, _ in self.sent]

    def fire(self) -> None:
        """Let the time come for which the only timer was set."""
        ((delay, callback),) = self.timers
        self.timers.clear()
        self.now += delay
        callback()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def request() -> Request:
    return Request(MessageFactory().message("execute_request", channel="shell"), Nowhere())


def test_first_lines_go_out_at_once(bench: Bench) -> None:
    for i in range(3):
        print(i, file=bench.stdout)
    assert "".join(bench.texts) == "0\n1\n2\n"


def test_a_flood_goes_out_together(bench: Bench) -> None:
    lines = [f"{i}\n" for i in range(1000)]
    for line in lines:
        bench.stdout.write(line)
    assert len(bench.sent) <= BURST
    assert len(bench.timers) == 1
    assert bench.timers[0][0] == INTERVAL
    bench.fire()
    assert "".join(bench.texts) == "".join(lines)
    assert len(bench.sent) <= BURST + 1
    assert not bench.timers


def test_a_steady_flood_is_one_message_an_interval(bench: Bench) -> None:
    for _ in range(100):
        bench.stdout.write("warm up\n")
    bench.fire()
    bench.sent.clear()
    for _ in range(1000):
        bench.now += INTERVAL / 100
        bench.stdout.write("line\n")
    assert 8 <= len(bench.sent) <= 12


def test_after_a_rest_lines_go_out_at_once_again(bench: Bench) -> None:
    for _ in range(100):
        bench.stdout.write("x\n")
    bench.fire()
    bench.now += 100 * INTERVAL
    bench.sent.clear()
    bench.stdout.write("prompt\n")
    assert bench.texts == ["prompt\n"]


def test_half_a_line_waits_for_the_timer(bench: Bench) -> None:
    bench.stdout.write("half")
    assert bench.sent == []
    bench.stdout.write(" a line")
    for _ in range(PATIENCE):
        assert bench.sent == []
        bench.fire()
    assert bench.texts == ["half a line"]


def test_half_a_line_does_not_wait_for_the_end_of_a_flood(bench: Bench) -> None:
    def flood() -> None:
        for _ in range(2 * BURST):
            bench.stdout.write("flood\n")

    bench.stdout.write("half a line")
    for _ in range(PATIENCE):
        assert "half a line" not in "".join(bench.texts)
        thread = threading.Thread(target=flood)
        thread.start()
        thread.join()
        bench.fire()
    assert "half a line" in "".join(bench.texts)


def test_a_line_that_print_has_not_written_yet_stays_whole(bench: Bench) -> None:
    started, go_on = threading.Event(), threading.Event()

    class Slow:
        def __str__(self) -> str:
            started.set()
            go_on.wait()
            return "its turn"

    thread = threading.Thread(target=lambda: print("waits for", Slow(), file=bench.stdout))
    thread.start()
    started.wait()
    with bench.iopub.lock:
        go_on.set()
        while sys._current_frames()[thread.ident or 0].f_code is not StreamBatcher.write.__code__:
            pass  # until it waits for the lock
        for _ in range(2 * PATIENCE):
            bench.fire()
        assert bench.texts == []
    thread.join()
    assert bench.texts == ["waits for its turn\n"]


def test_flush_sends_and_an_early_timer_is_harmless(bench: Bench) -> None:
    print("x", end="", file=bench.stdout, flush=True)
    assert bench.texts == ["x"]
    bench.fire()
    assert bench.texts == ["x"]


def test_much_text_is_not_held_back(bench: Bench) -> None:
    bench.stdout.write("x" * (SIZE + 1))
    assert "".join(bench.texts) == "x" * (SIZE + 1)


def test_streams_keep_their_order(bench: Bench) -> None:
    for stream, text in (("out", "1"), ("err", "2"), ("err", "3"), ("out", "4")):
        (bench.stdout if stream == "out" else bench.stderr).write(text)
    bench.batcher.flush()
    assert [(name, text) for name, text, _ in bench.sent] == [("stdout", "1"), ("stderr", "23"), ("stdout", "4")]


def test_each_request_gets_its_own(bench: Bench) -> None:
    one, other = request(), request()
    for owner, text in ((one, "a"), (other, "b"), (other, "c"), (None, "d"), (one, "e")):
        bench.owner = owner
        bench.stdout.write(text)
    bench.batcher.flush()
    assert [(text, owner) for _, text, owner in bench.sent] == [("ae", one), ("bc", other), ("d", None)]


def test_nothing_is_sent_for_nothing(bench: Bench) -> None:
    assert bench.stdout.write("") == 0
    bench.batcher.flush()
    assert bench.sent == []
    assert bench.timers == []


@pytest.mark.parametrize("wrong", [b"bytes", None, 5, ["x"]])
def test_only_text(bench: Bench, wrong: object) -> None:
    bench.stdout.write("before ")
    with pytest.raises(TypeError, match=f"must be str, not {type(wrong).__name__}"):
        bench.stdout.write(wrong)  # type: ignore[arg-type]
    bench.stdout.write("after")
    bench.batcher.flush()
    assert bench.texts == ["before after"]


def test_bytes_of_a_character_may_come_apart(bench: Bench) -> None:
    data = "ä🐍".encode()
    for byte in data:
        assert bench.stdout.buffer.write(bytes([byte])) == 1
    bench.stdout.buffer.write(b"\xff")
    bench.stdout.buffer.flush()
    assert "".join(bench.texts) == "ä🐍\\xff"


def test_what_a_text_stream_has(bench: Bench) -> None:
    assert isinstance(bench.stdout, io.TextIOBase)
    assert bench.stdout.writable()
    assert not bench.stdout.readable()
    assert not bench.stdout.isatty()
    assert bench.stdout.encoding == "utf-8"
    assert bench.stdout.name == "<stdout>"
    with pytest.raises(OSError, match="no file descriptor"):
        bench.stdout.fileno()
    assert bench.stdout.write("four") == 4


def test_many_threads_lose_nothing(bench: Bench) -> None:
    def write(i: int) -> None:
        for j in range(200):
            bench.stdout.write(f"{i}:{j}\n")

    threads = [threading.Thread(target=write, args=(i,)) for i in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bench.batcher.flush()
    lines = "".join(bench.texts).splitlines()
    assert sorted(lines) == sorted(f"{i}:{j}" for i in range(5) for j in range(200))
    for i in range(5):
        own = [line for line in lines if line.startswith(f"{i}:")]
        assert own == [f"{i}:{j}" for j in range(200)]


def test_redirect_and_back(bench: Bench) -> None:
    before = sys.stdout, sys.stderr
    redirect = StreamRedirect(bench.batcher)
    redirect.install()
    try:
        print("redirected", end="")
        print("error", end="", file=sys.stderr)
    finally:
        redirect.uninstall()
    assert (sys.stdout, sys.stderr) == before
    assert [(name, text) for name, text, _ in bench.sent] == [("stdout", "redirected"), ("stderr", "error")]
    redirect.uninstall()
    assert (sys.stdout, sys.stderr) == before


def in_thread(f: Callable[[], object]) -> None:
    thread = threading.Thread(target=f)
    thread.start()
    thread.join()


def test_lines_written_in_pieces_by_several_threads_do_not_mix(bench: Bench) -> None:
    bench.stdout.write("mi")
    in_thread(lambda: bench.stdout.write("yours\n"))
    bench.stdout.write("ne\n")
    bench.batcher.flush()
    assert "".join(bench.texts) == "yours\nmine\n"


def test_flush_leaves_unfinished_lines_of_other_threads(bench: Bench) -> None:
    bench.stdout.write("mi")
    in_thread(lambda: (bench.stdout.write("yo"), bench.stdout.flush(), bench.stdout.write("urs\n")))
    assert bench.texts == ["yo", "urs\n"]
    bench.batcher.flush()
    assert bench.texts[2:] == ["mi"]


def test_unfinished_line_of_a_thread_comes_before_the_end_of_its_request(bench: Bench) -> None:
    bench.owner = request()
    in_thread(lambda: bench.stdout.write("half"))
    bench.batcher.flush(request())
    assert bench.sent == []
    bench.batcher.flush(bench.owner)
    assert bench.sent == [("stdout", "half", bench.owner)]


def test_unfinished_line_keeps_its_place_among_the_streams_of_its_thread(bench: Bench) -> None:
    bench.stdout.write("out")
    bench.stderr.write("err")
    bench.stdout.write("out\n")
    bench.batcher.flush()
    assert [(name, text) for name, text, _ in bench.sent] == [("stdout", "out"), ("stderr", "err"), ("stdout", "out\n")]
