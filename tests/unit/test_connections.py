"""Several connections on one kernel: replies and questions go to the asker, everything else to all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from async_kernel._message import MessageFactory
from async_kernel._transport import Connection
from async_kernel.caller import Pending
from async_kernel.interface import CallableInterface
from async_kernel.testing import execute_content, in_process_client

if TYPE_CHECKING:
    from async_kernel._wire import Message

pytestmark = pytest.mark.anyio


class Recorder(Connection):
    """Keeps what it is sent, and where to."""

    def __init__(self) -> None:
        self.sent: list[tuple[Message, object]] = []
        self.idle: Pending[None] = Pending()
        self.drained = 0

    @property
    def types(self) -> list[str]:
        return [msg["header"]["msg_type"] for msg, _ in self.sent]

    def send(self, msg: Message, route: object = None) -> None:
        self.sent.append((msg, route))
        if msg["content"].get("execution_state") == "idle":
            self.idle.set_result(None)

    def request_input(self, msg: Message, route: object = None) -> Message:
        self.sent.append((msg, route))
        return MessageFactory().message("input_reply", channel="stdin", content={"value": "of the second"})

    async def drain(self) -> None:
        self.drained += 1


async def run(recorder: Recorder, code: str) -> None:
    """Run a cell for a connection beside the first."""
    msg = MessageFactory().message("execute_request", channel="shell", content=execute_content(code))
    CallableInterface.instance().kernel.receive(msg, recorder, route="the way back")
    await recorder.idle


async def test_replies_go_to_the_asker_and_iopub_to_all() -> None:
    async with in_process_client() as client:
        second = Recorder()
        CallableInterface.instance().iopub.connect(second)
        await run(second, "print(1)")
        assert second.types == ["status", "execute_input", "stream", "execute_reply", "status"]
        assert [route for msg, route in second.sent if msg["channel"] == "shell"] == ["the way back"]
        theirs = [m["header"]["msg_type"] for m in client.messages]
        assert theirs == ["status", "status", "execute_input", "stream", "status"], "the first is starting"
        before = len(second.sent)
        second.idle = Pending()
        done = await client.execute("2")
        assert done.content["status"] == "ok"
        assert second.types[before:] == ["status", "execute_input", "execute_result", "status"]


async def test_questions_go_to_the_asker() -> None:
    async with in_process_client() as client:
        client.answer_input = lambda _: "of the first"
        second = Recorder()
        CallableInterface.instance().iopub.connect(second)
        await run(second, "answer = input('?')")
        (question,) = [(msg, route) for msg, route in second.sent if msg["channel"] == "stdin"]
        assert question[0]["content"] == {"prompt": "?", "password": False}
        assert question[1] == "the way back"
        second.idle = Pending()
        done = await client.execute("answer, input()")
        assert done.of_type("execute_result")[0]["content"]["data"]["text/plain"] == "('of the second', 'of the first')"


async def test_a_failed_cell_drains_its_own_connection() -> None:
    async with in_process_client():
        second = Recorder()
        CallableInterface.instance().iopub.connect(second)
        await run(second, "1 / 0")
        assert second.drained == 1


async def test_who_is_disconnected_hears_no_more() -> None:
    async with in_process_client() as client:
        second = Recorder()
        iopub = CallableInterface.instance().iopub
        iopub.connect(second)
        iopub.disconnect(second)
        iopub.disconnect(second)
        await client.execute("1")
        assert second.sent == []
