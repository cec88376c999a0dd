"""A kernel that several threads ask for all kinds of things at once: no reply is lost or doubled, parents are right."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from async_kernel.testing import execute_content
from desktop.kernels import BACKENDS
from fuzzing import at_once, fuzz
from hypothesis import given
from hypothesis import strategies as st
from protocol.client import GUARD
from protocol.transports import InProcess

if TYPE_CHECKING:
    from async_kernel._wire import Message
    from async_kernel.testing import Exchange
    from protocol.client import ProtocolClient

SET_UP = """
import anyio
order = []
def opened(comm, msg): print(msg["content"]["data"]["text"])
get_ipython().kernel.comm_manager.register_target("says", opened)
"""
BODIES = ["pass", "await anyio.sleep(0)", "1 / 0", "await anyio.sleep(3600)", "import time; time.sleep(0.001)"]
CELLS = st.tuples(st.sampled_from(["", "# task", "# thread"]), st.sampled_from(BODIES), st.sampled_from([None, 0, 1]))
OTHERS = st.sampled_from(
    [
        ("complete_request", {"code": "ord", "cursor_pos": 3}),
        ("is_complete_request", {"code": "1"}),
        ("kernel_info_request", {}),
        ("comm_info_request", {}),
        ("comm_open", {}),
        ("interrupt_request", {}),
        ("delete_subshell_request", {}),
        ("execute_request", {"code": 5}),
        ("no_such_request", {}),
    ]
)
SCRIPTS = st.lists(st.lists(CELLS | OTHERS, max_size=8), min_size=2, max_size=4)


class Senders:
    """Threads that send what is drawn, and what they have sent."""

    def __init__(self, client: ProtocolClient, subshells: list[str]) -> None:
        self._client = client
        self._subshells = subshells
        self._lock = threading.Lock()  # a client's message ids are made by one thread at a time
        self.requests: dict[tuple[int, int], Message] = {}
        self.queued: dict[tuple[str | None, int], list[int]] = {}
        """By queue and thread: the numbers of the cells, as they were sent."""

    def play(self, thread: int, script: list[Any]) -> None:
        for number, drawn in enumerate(script):
            make = self._cell if len(drawn) == 3 else self._other
            msg = make(thread, number, *drawn)
            self.requests[thread, number] = msg
            self._client.send(msg)

    def _cell(self, thread: int, number: int, line: str, body: str, where: int | None) -> Message:
        subshell = None if where is None else self._subshells[where]
        code = f"{line}\norder.append(({thread}, {number}))\nprint('{thread}.{number}')\n{body}"
        if not line:
            self.queued.setdefault((subshell, thread), []).append(number)
        return self._message("execute_request", execute_content(code), {"subshell_id": subshell} if subshell else {})

    def _other(self, thread: int, number: int, msg_type: str, content: dict[str, Any]) -> Message:
        if msg_type == "comm_open":
            data = {"text": f"{thread}.{number}"}
            content = {"comm_id": f"{thread}.{number}", "target_name": "says", "data": data}
        elif msg_type == "delete_subshell_request":
            content = {"subshell_id": self._subshells[1]}
        return self._message(msg_type, content, {})

    def _message(self, msg_type: str, content: dict[str, Any], header: dict[str, Any]) -> Message:
        channel = "control" if msg_type in ("interrupt_request", "delete_subshell_request") else "shell"
        with self._lock:
            return self._client.message(msg_type, content, channel=channel, header=header)


async def all_done(client: ProtocolClient, requests: list[Message]) -> list[Exchange]:
    """Wait until all is done, and stop what will not end: an interrupt stops cells of the main shell alone."""
    with anyio.fail_after(GUARD):
        for msg in requests:
            done = False
            while not done:
                with anyio.move_on_after(0.05):
                    await client.wait_idle(msg)
                    done = True
                if not done and (subshell_id := msg["header"].get("subshell_id")):
                    await client.request("delete_subshell_request", {"subshell_id": subshell_id}, channel="control")
                elif not done:
                    await client.request("interrupt_request", channel="control")
    return [client.exchange(msg) for msg in requests]


@pytest.mark.parametrize("backend", BACKENDS)
@fuzz(15)
@given(scripts=SCRIPTS)
def test_each_request_is_answered_once_in_its_own_name(backend: str, scripts: list[list[Any]]) -> None:
    async def main() -> None:
        async with InProcess().fresh_client() as client:
            await client.execute(SET_UP)
            subshells = [
                (await client.request("create_subshell_request", channel="control")).content["subshell_id"]
                for _ in range(2)
            ]
            senders = Senders(client, subshells)
            plays = [lambda i=i, script=script: senders.play(i, script) for i, script in enumerate(scripts)]
            await anyio.to_thread.run_sync(lambda: at_once(*plays))
            done = await all_done(client, list(senders.requests.values()))
            order = (await client.values(order="order"))["order"]
            for name, exchange in zip(senders.requests, done, strict=True):
                check(name, exchange, order)
            for (_, thread), sent in senders.queued.items():
                came = [number for of, number in order if of == thread and number in sent]
                assert came == [number for number in sent if number in came]
        client.check()

    anyio.run(main, backend=backend)


def check(name: tuple[int, int], exchange: Exchange, order: list[tuple[int, int]]) -> None:
    """What came of one request is one reply, and its own output."""
    request = exchange.request
    msg_type = request["header"]["msg_type"]
    own = f"{name[0]}.{name[1]}\n"
    if msg_type == "comm_open":
        assert exchange.text() == own
        return
    assert exchange.reply["parent_header"] == request["header"]
    if msg_type != "execute_request" or request["content"]["code"] == 5:
        assert exchange.text() == ""
        return
    assert order.count(name) <= 1
    assert exchange.text() == (own if name in order else "") or exchange.content["status"] != "ok"
    if exchange.content["status"] == "aborted":
        assert name not in order
    elif exchange.content["status"] == "ok":
        assert name in order


@pytest.mark.parametrize("backend", BACKENDS)
@fuzz(10)
@given(scripts=SCRIPTS)
def test_nothing_is_said_after_the_end(backend: str, scripts: list[list[Any]]) -> None:
    async def main() -> None:
        async with InProcess().fresh_client() as client:
            await client.execute(SET_UP)
            senders = Senders(client, ["nobody", "nobody either"])
            plays = [lambda i=i, script=script: senders.play(i, script) for i, script in enumerate(scripts)]
            end = client.message("shutdown_request", {"restart": False}, channel="control")
            await anyio.to_thread.run_sync(lambda: at_once(*plays, lambda: client.send(end)))
            with anyio.fail_after(GUARD):
                await client.ended
            said = len(client.messages)
            senders.play(9, scripts[0])
        assert len(client.messages) == said
        assert client.stopped == 1
        client.check()

    anyio.run(main, backend=backend)
