"""Clients that read slowly, or not at all: a flood waits for the first, and nobody waits for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import zmq
from desktop.kernels import GUARD, Client, Flavour, start_kernel
from jupyter_client.session import Session

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from async_kernel._wire import Message
    from desktop.kernels import Kernel

TCP = Flavour("asyncio", "tcp")
PIECE = 1 << 15
"""Characters of each piece of a flood."""
FLOODS = {
    "print": "for i in range({count}): print(i, 'x' * {piece})",
    "display": "for i in range({count}): display({{'text/plain': f'{{i}} ' + 'x' * {piece}}}, raw=True)",
    "subprocess": "import sys\n!{{sys.executable}} -c \"for i in range({count}): print(i, 'x' * {piece})\"",
}
MANY = 5000
"""Pieces that are more than a kernel may keep."""
ROOM = 100 << 10
"""Kilobytes: less than they take."""
ASKED = 500
"""Requests that take longer than the flood would, if it waited for nobody."""


def flood(how: str, count: int = MANY, piece: int = PIECE) -> str:
    """A cell that writes so many numbered pieces, each of so many characters."""
    return FLOODS[how].format(count=count, piece=piece)


def numbers(client: Client, request: Message) -> list[int]:
    """Those of the pieces that have come."""
    done = client.exchange(request)
    shown = [msg["content"]["data"]["text/plain"] for msg in done.of_type("display_data")]
    return [int(line.partition(" ")[0]) for line in (done.text() + "\n".join(shown)).splitlines()]


def peak(kernel: Kernel) -> int:
    """The most memory that its process has had, in kilobytes."""
    return int(kernel.status["VmHWM"].split()[0])


def finish_from_iopub(client: Client, request: Message) -> None:
    """Read what is published for a request, and then its reply."""
    msg_id = request["header"]["msg_id"]
    client.wait(
        "iopub",
        lambda m: m["content"].get("execution_state") == "idle" and m["parent_header"].get("msg_id") == msg_id,
    )
    client.finish(request)


def has_no_room(context: zmq.Context[zmq.Socket[bytes]]) -> None:
    """Let sockets of a client hold next to nothing that has not been read."""
    context.rcvhwm = 1
    context.rcvbuf = 4096


@pytest.fixture
def flavour() -> Flavour:
    return TCP


@pytest.fixture
def kernel(flavour: Flavour, tmp_path: Path) -> Generator[Kernel]:
    with start_kernel(flavour, tmp_path) as kernel:
        yield kernel


@pytest.fixture
def alone(kernel: Kernel) -> Generator[Client]:
    """The kernel's only client, which has no room."""
    kernel.main.execute("import matplotlib_inline")
    kernel.main.close()
    session = Session(key=kernel.manager.session.key)
    with zmq.Context() as context:
        has_no_room(context)
        client = Client(kernel.manager.client(session=session, context=context), lambda: kernel.log).connect()
        yield client
        client.close()


@pytest.fixture
def stopped(kernel: Kernel) -> Generator[zmq.Socket[bytes]]:
    """One more subscriber, which has no room and reads nothing."""
    with zmq.Context() as context:
        has_no_room(context)
        with context.socket(zmq.SUB) as sock:
            sock.linger = 0
            sock.rcvtimeo = GUARD * 1000
            sock.subscribe(b"")
            sock.connect(kernel.main.zmq._make_url("iopub"))
            assert b"iopub_welcome" in sock.recv_multipart()[3]
            yield sock


@pytest.mark.parametrize(
    ("how", "flavour"), [("print", TCP), ("display", Flavour("trio", "ipc")), ("subprocess", TCP)], ids=str
)
def test_a_flood_waits_for_who_reads_slowly(kernel: Kernel, alone: Client, how: str) -> None:
    before = peak(kernel)
    request = alone.start(flood(how))
    while not numbers(alone, request):
        alone.catch_up()
    for _ in range(ASKED):  # without reading on
        alone.wait_reply(alone.send("kernel_info_request", {}, "control"))
    finish_from_iopub(alone, request)
    assert numbers(alone, request) == list(range(MANY))
    assert peak(kernel) - before < ROOM


def test_all_is_there_for_who_reads_last(alone: Client) -> None:
    done = alone.execute(flood("print"))
    assert done.content["status"] == "ok"
    assert numbers(alone, done.request) == list(range(MANY))


def test_nobody_waits_for_who_has_stopped(kernel: Kernel, stopped: zmq.Socket[bytes]) -> None:
    client = kernel.main
    before = peak(kernel)
    count = 2 * MANY  # two clients have room for as much: half as long, each piece
    request = client.start(flood("display", count, PIECE // 2))
    finish_from_iopub(client, request)
    assert numbers(client, request) == list(range(count))
    assert peak(kernel) - before < ROOM
    assert kernel.log.count("\n") == 1
    assert "A client has not read the last 1000 messages" in kernel.log
    for _ in range(600):  # more than half of them
        stopped.recv_multipart()
    client.execute("'it hears this'")
    while b"it hears this" not in b"".join(stopped.recv_multipart()):
        pass


def test_a_cell_that_waits_for_a_client_can_be_stopped(kernel: Kernel, alone: Client) -> None:
    request = alone.start(f"while True: print('x' * {PIECE})")
    alone.wait_text(request, "x")
    kernel.interrupt()
    assert alone.wait_reply(request)["content"]["ename"] == "KeyboardInterrupt"


def test_who_comes_is_welcomed_before_it_gets_what_waits_for_others(kernel: Kernel, alone: Client) -> None:
    alone.wait_reply(alone.start(flood("display", piece=PIECE // 8)))
    second = kernel.client()
    assert [msg["header"]["msg_type"] for msg in second.messages] == ["iopub_welcome"]


def test_a_kernel_ends_though_nobody_has_read_all(kernel: Kernel, alone: Client) -> None:
    alone.wait_reply(alone.start(flood("display", piece=PIECE // 8)))
    alone.send("shutdown_request", {"restart": False}, "control")
    kernel.wait_end()
    assert "messages that clients have not read" in kernel.log
