"""The sockets: who may use them when, and what wakes the thread that reads them."""

from __future__ import annotations

import logging
import queue
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
import zmq
from async_kernel._signal_handlers import ForeignHandlers
from async_kernel_zmq import _sockets
from async_kernel_zmq._connection_file import ConnectionInfo
from async_kernel_zmq._sockets import Sockets

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

GUARD = 30_000
"""Milliseconds."""


class Bench:
    """Sockets, and a client of their shell channel."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.receive: Callable[[list[bytes]], None] = lambda _: None
        handlers = ForeignHandlers()
        self.info = ConnectionInfo.fresh(ip="127.0.0.1", transport="tcp", kernel_name="")
        self.sockets = Sockets(
            self.info,
            receive=lambda _, frames: self.receive(frames),
            welcome=lambda topic: [topic, b"welcome"],
            unreachable=lambda _: None,
            orphaned=lambda: None,
            may_send=lambda: not handlers.may_strike(),
            log=logging.getLogger(__name__),
        )
        self.sockets.bind()
        self.sockets.start({}, {})
        self.shell = context.socket(zmq.DEALER)
        self.shell.rcvtimeo = GUARD
        self.shell.rcvhwm = 0
        self.shell.connect(self.info.address(self.info.port("shell")))


@pytest.fixture
def bench() -> Generator[Bench]:
    with zmq.Context() as context:
        bench = Bench(context)
        with bench.shell:
            yield bench
        bench.sockets.close()


def test_no_message_waits_until_something_else_happens(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """ZMQ says once that a message has come, perhaps right between the last look for one and what is sent then."""
    received: queue.SimpleQueue[list[bytes]] = queue.SimpleQueue()
    bench.receive = received.put
    bench.shell.send(b"first")
    route, _ = received.get(timeout=GUARD / 1000)
    look, poll = _sockets._has_message, zmq.Poller.poll
    idle: list[str] = []
    busy = [True]

    def look_too_early(sock: zmq.Socket[bytes]) -> bool:
        found = look(sock)
        if busy and sock.type == zmq.XPUB:  # the last of them
            busy.clear()
            bench.shell.send(b"second")
            time.sleep(0.02)  # until it has come, and ZMQ, when it sends, looks what has
            bench.sockets.send("shell", [route, b"answer"])
        return found

    def noting(poller: zmq.Poller, timeout: int | None = None) -> Any:
        ready = poll(poller, timeout)
        if timeout and not ready and not busy:
            idle.append("waited in vain")
        return ready

    monkeypatch.setattr(_sockets, "_has_message", look_too_early)
    monkeypatch.setattr(zmq.Poller, "poll", noting)
    bench.sockets._wake(force=True)
    assert bench.shell.recv() == b"answer"
    assert received.get(timeout=GUARD / 1000)[1] == b"second"
    assert idle == []


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
