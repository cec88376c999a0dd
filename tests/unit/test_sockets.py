"""The sockets: who may use them when, and what wakes the thread that reads them."""

from __future__ import annotations

import asyncio
import logging
import queue
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import zmq
from async_kernel._signal_handlers import ForeignHandlers
from async_kernel_zmq import _readers, _sockets
from async_kernel_zmq._binding import Binding
from async_kernel_zmq._connection_file import ConnectionInfo
from async_kernel_zmq._sockets import Sockets

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

GUARD = 30_000
"""Milliseconds."""


class Bench:
    """Sockets, and a client of their shell channel."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.receive: Callable[[list[bytes]], None] = lambda _: None
        handlers = ForeignHandlers()
        self.may_use = lambda: not handlers.may_strike()
        """Whether the calling thread may use a socket. Changed by tests."""
        self.info = ConnectionInfo.fresh(ip="127.0.0.1", transport="tcp", kernel_name="")
        self.sockets = Sockets(
            Binding(self.info),
            receive=lambda _, frames: self.receive(frames),
            welcome=lambda topic: [topic, b"welcome"],
            unreachable=lambda _: None,
            orphaned=lambda: None,
            may_use=self._may_use,
            log=logging.getLogger(__name__),
        )
        self.sockets.start({}, {})
        self.shell = context.socket(zmq.DEALER)
        self.shell.rcvtimeo = GUARD
        self.shell.rcvhwm = 0
        self.shell.connect(self.info.address(self.info.port("shell")))

    def _may_use(self) -> bool:
        return self.may_use()


@pytest.fixture
def bench() -> Generator[Bench]:
    with zmq.Context() as context:
        bench = Bench(context)
        with bench.shell:
            yield bench
        bench.sockets.close()


@dataclass
class Read:
    """Messages, by number, and the threads that have received them."""

    numbers: list[int] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    come: threading.Condition = field(default_factory=threading.Condition)
    route: bytes = b""

    def receive(self, frames: list[bytes]) -> None:
        with self.come:
            self.route = frames[0]
            self.numbers.append(int(frames[1]))
            self.threads.append(threading.current_thread().name)
            self.come.notify_all()

    def compute_until(self, count: int) -> None:
        """Keep the loop from turning until there are so many."""
        with self.come:
            assert self.come.wait_for(lambda: len(self.numbers) >= count, GUARD / 1000)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(GUARD / 1000):
            while len(self.numbers) < count:  # noqa: ASYNC110  # it is about turns of the loop
                await asyncio.sleep(0)


@pytest.fixture
def read(bench: Bench) -> Read:
    read = Read()
    bench.receive = read.receive
    return read


def attended(bench: Bench, test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test in a loop that reads the sockets."""

    async def run() -> None:
        bench.sockets.readers.attend(asyncio.get_running_loop())
        try:
            await test()
        finally:
            bench.sockets.readers.leave()

    bench.may_use = lambda: True  # Python's own SIGINT handler might strike
    asyncio.run(run())


def test_the_loop_reads_and_the_io_thread_while_it_computes(bench: Bench, read: Read) -> None:
    turning: list[str] = []

    async def test() -> None:
        for number in range(0, 100, 2):
            bench.shell.send(b"%d" % number)
            await read.until(number + 1)
            turning.append(read.threads[-1])
            bench.shell.send(b"%d" % (number + 1))
            read.compute_until(number + 2)
            if "MainThread" in turning[1:]:
                break

    attended(bench, test)
    assert "MainThread" in turning[1:]  # while the thread does not know yet that the loop turns, it may be first
    assert {*read.threads[1::2]} == {"IO"}


def test_no_message_waits_until_something_else_happens(
    bench: Bench, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ZMQ says once that a message has come, perhaps to who is sending one."""
    monkeypatch.setattr(_readers, "_ATTENTION", GUARD)
    send = _sockets._send

    def send_when_one_has_come(sock: zmq.Socket[bytes], *args: Any) -> None:
        monkeypatch.setattr(_sockets, "_send", send)
        bench.shell.send(b"-1")
        assert sock.poll(GUARD)
        send(sock, *args)

    async def test() -> None:
        for number in range(0, 20, 2):
            bench.shell.send(b"%d" % number)
            await read.until(number + 1)
            monkeypatch.setattr(_sockets, "_send", send_when_one_has_come)
            bench.sockets.send("shell", [read.route, b"answer"])
            await read.until(number + 2)

    attended(bench, test)


@pytest.mark.parametrize("turns", [True, False])
def test_what_can_wait_goes_out_though_nothing_follows(
    bench: Bench, read: Read, monkeypatch: pytest.MonkeyPatch, turns: bool
) -> None:
    monkeypatch.setattr(_readers, "_ATTENTION", GUARD)

    async def test() -> None:
        bench.shell.send(b"0")
        await read.until(1)
        bench.sockets.send("shell", [read.route, b"answer"], can_wait=True)
        if turns:
            assert await asyncio.to_thread(bench.shell.recv) == b"answer"
        else:
            assert bench.shell.recv() == b"answer"

    attended(bench, test)


def test_messages_keep_their_order_whoever_reads_and_sends(bench: Bench, read: Read) -> None:
    count = 3000

    def answer(frames: list[bytes]) -> None:
        if threading.current_thread().name == "IO":
            time.sleep(0.001)  # so that another could be faster
        read.receive(frames)
        bench.sockets.send("shell", frames)

    bench.receive = answer

    async def test() -> None:
        for number in range(count):
            bench.shell.send(b"%d" % number)
            if number % 500 == 0:
                read.compute_until(number + 1)
            elif number % 7 == 0:
                await asyncio.sleep(0)
        await read.until(count)

    attended(bench, test)
    assert read.numbers == [*range(count)]
    assert [int(bench.shell.recv()) for _ in range(count)] == [*range(count)]
    assert {*read.threads} == {"IO", threading.current_thread().name}


def test_a_loop_that_a_signal_handler_may_break_off_reads_no_more(bench: Bench, read: Read) -> None:
    async def test() -> None:
        bench.may_use = lambda: threading.current_thread() is not threading.main_thread()
        for number in range(3):
            bench.shell.send(b"%d" % number)
            await read.until(number + 1)

    attended(bench, test)
    assert {*read.threads} == {"IO"}


def test_what_waits_to_be_sent_comes_behind_the_welcome(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    received: queue.SimpleQueue[list[bytes]] = queue.SimpleQueue()
    bench.receive = received.put
    poll = zmq.Poller.poll

    def send_when_a_subscription_woke_us(poller: zmq.Poller, timeout: int | None = None) -> Any:
        ready = poll(poller, timeout)
        if ready:
            bench.sockets.send("iopub", [b"kernel.status", b"busy"])
        return ready

    bench.shell.send(b"begin")
    received.get(timeout=GUARD / 1000)
    monkeypatch.setattr(zmq.Poller, "poll", send_when_a_subscription_woke_us)
    with zmq.Context() as context, context.socket(zmq.SUB) as client:
        client.rcvtimeo = GUARD
        client.subscribe(b"")
        client.connect(bench.info.address(bench.info.port("iopub")))
        assert client.recv_multipart() == [b"", b"welcome"]
        monkeypatch.undo()


def test_any_callable_may_handle_a_signal() -> None:
    handlers = ForeignHandlers()
    usual = signal.signal(signal.SIGALRM, [].append)  # which is of no module
    try:
        assert handlers.may_strike()
    finally:
        signal.signal(signal.SIGALRM, usual)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it may strike in a finaliser
def test_an_exception_of_a_signal_handler_cuts_no_message(bench: Bench) -> None:
    class StrikeError(Exception):
        pass

    armed: list[bool] = []

    def strike(*_: object) -> None:
        if armed:
            armed.clear()
            raise StrikeError

    routes: list[bytes] = []
    bench.receive = lambda frames: routes.append(frames[0])
    bench.shell.send(b"begin")
    while not routes:
        pass
    usual = signal.signal(signal.SIGALRM, strike)
    sent = strikes = 0
    for number in range(300):
        signal.setitimer(signal.ITIMER_REAL, 1e-5 * (number % 20 + 1))
        try:
            armed.append(True)
            for _ in range(100):
                bench.sockets.send("shell", [routes[0], *[b"part"] * 10, b"last"])
                sent += 1
            armed.clear()
        except StrikeError:
            strikes += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, usual)
    assert strikes > 10
    bench.sockets.send("shell", [routes[0], b"end"])
    received = 0
    while (frames := bench.shell.recv_multipart()) != [b"end"]:
        assert frames == [*[b"part"] * 10, b"last"]
        received += 1
    assert received >= sent
