"""The sockets: who may use them when, and what wakes the thread that reads them."""

from __future__ import annotations

import logging
import signal
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import zmq
from async_kernel_zmq._connection_file import ConnectionInfo
from async_kernel_zmq._signal_handlers import ForeignHandlers
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
        info = ConnectionInfo.fresh(ip="127.0.0.1", transport="tcp", kernel_name="")
        self.sockets = Sockets(
            info,
            receive=lambda _, frames: self.receive(frames),
            welcome=lambda topic: [topic, b"welcome"],
            unreachable=lambda _: None,
            orphaned=lambda: None,
            may_send=lambda: not handlers.may_strike(),
            log=logging.getLogger(__name__),
        )
        self.sockets.bind()
        self.sockets.start({})
        self.shell = context.socket(zmq.DEALER)
        self.shell.rcvtimeo = GUARD
        self.shell.rcvhwm = 0
        self.shell.connect(info.address("shell", info.port("shell")))


@pytest.fixture
def bench() -> Generator[Bench]:
    with zmq.Context() as context:
        bench = Bench(context)
        with bench.shell:
            yield bench
        bench.sockets.close()


def test_no_message_waits_until_something_else_happens(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """ZMQ says once that a message has come, perhaps while the thread sends."""
    timeouts = count()
    poll = zmq.Poller.poll

    def counting(poller: zmq.Poller, timeout: int | None = None) -> Any:
        ready = poll(poller, timeout)
        if timeout and not ready:
            next(timeouts)
        return ready

    monkeypatch.setattr(zmq.Poller, "poll", counting)

    def answer(frames: list[bytes]) -> None:
        for number in range(20):
            bench.sockets.send("shell", [frames[0], b"%d" % number])

    bench.receive = answer
    bench.shell.send(b"begin")
    for _ in range(1000):
        assert bench.shell.recv() == b"0"
        bench.shell.send(b"next")  # while the thread sends the others
        assert [bench.shell.recv() for _ in range(19)] == [b"%d" % number for number in range(1, 20)]
    assert next(timeouts) == 0


def test_an_exception_of_a_signal_handler_cuts_no_message(bench: Bench) -> None:
    class StrikeError(Exception):
        pass

    def strike(*_: object) -> None:
        raise StrikeError

    routes: list[bytes] = []
    bench.receive = lambda frames: routes.append(frames[0])
    bench.shell.send(b"begin")
    while not routes:
        pass
    usual = signal.signal(signal.SIGALRM, strike)
    sent = 0
    try:
        for number in range(300):
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-5 * (number % 20 + 1))
                while True:
                    bench.sockets.send("shell", [routes[0], *[b"part"] * 10, b"last"])
                    sent += 1
            except StrikeError:
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, usual)
    bench.sockets.send("shell", [routes[0], b"end"])
    received = 0
    while (frames := bench.shell.recv_multipart()) != [b"end"]:
        assert frames == [*[b"part"] * 10, b"last"]
        received += 1
    assert received >= sent
