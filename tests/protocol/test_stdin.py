"""Section "Messages on the stdin channel"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from protocol.client import outputs

if TYPE_CHECKING:
    from async_kernel._wire import Message
    from protocol.client import ProtocolClient

pytestmark = pytest.mark.anyio


async def test_input(client: ProtocolClient) -> None:
    asked: list[Message] = []

    def answer(msg: Message) -> str:
        asked.append(msg)
        return "Ada 🐍"

    client.answer_input = answer
    done = await client.execute("print('before')\nname = input('Your name? ')\nname")
    (msg,) = asked
    assert msg["channel"] == "stdin"
    assert msg["header"]["msg_type"] == "input_request"
    assert msg["content"] == {"prompt": "Your name? ", "password": False}
    assert msg["parent_header"] == done.request["header"]
    assert outputs(done) == [("stdout", "before\n"), ("execute_result", "'Ada 🐍'")]
    kinds = [m["header"]["msg_type"] for m in done.messages]
    assert kinds.index("stream") < kinds.index("input_request")


async def test_getpass(client: ProtocolClient) -> None:
    asked: list[Message] = []

    def answer(msg: Message) -> str:
        asked.append(msg)
        return "secret"

    client.answer_input = answer
    done = await client.execute("import getpass\ngetpass.getpass('Word: ') + getpass.getpass()")
    assert [m["content"] for m in asked] == [
        {"prompt": "Word: ", "password": True},
        {"prompt": "Password: ", "password": True},
    ]
    assert outputs(done) == [("execute_result", "'secretsecret'")]


async def test_prompt_of_any_object(client: ProtocolClient) -> None:
    client.answer_input = lambda msg: msg["content"]["prompt"]
    done = await client.execute("input(42) + input()")
    assert outputs(done) == [("execute_result", "'42'")]


async def test_kernel_methods(client: ProtocolClient) -> None:
    client.answer_input = lambda msg: str(msg["content"]["password"])
    done = await client.execute("k = get_ipython().kernel\nk.raw_input('x') + k.getpass('y')")
    assert outputs(done) == [("execute_result", "'FalseTrue'")]


async def test_end_of_file(client: ProtocolClient) -> None:
    client.answer_input = lambda _: "\x04"
    done = await client.execute("input()")
    assert done.content["ename"] == "EOFError"


async def test_not_allowed(client: ProtocolClient) -> None:
    client.answer_input = lambda _: "never asked"
    for code in ("input()", "import getpass; getpass.getpass()"):
        done = await client.execute(code, allow_stdin=False)
        assert done.content["ename"] == "StdinNotImplementedError"
        assert "allow_stdin" in done.content["evalue"]
        assert not done.of_type("input_request")


async def test_in_a_task_of_the_cell(client: ProtocolClient) -> None:
    client.answer_input = lambda _: "from a task"
    done = await client.execute(
        "import anyio\nfrom async_kernel.caller import Caller\n"
        "async def ask():\n    await anyio.sleep(0)\n    return input()\nawait Caller().call_soon(ask)"
    )
    assert outputs(done) == [("execute_result", "'from a task'")]


async def test_outside_a_cell(client: ProtocolClient) -> None:
    done = await client.execute(
        "import contextvars\n"
        "try:\n    contextvars.Context().run(input)\nexcept Exception as e:\n    print(type(e).__name__, e)"
    )
    assert done.text().startswith("StdinNotImplementedError")
    assert "outside a cell" in done.text()


async def test_a_reply_nobody_waits_for_is_dropped(client: ProtocolClient) -> None:
    client.send(client.message("input_reply", {"value": "unasked"}, channel="stdin"))
    assert outputs(await client.execute("'next'")) == [("execute_result", "'next'")]
