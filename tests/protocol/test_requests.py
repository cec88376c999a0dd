"""Sections "Kernel info", "Comm info" and "Kernel Status": what every request gets."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from protocol.client import ProtocolClient

pytestmark = pytest.mark.anyio

REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("execute_request", {"code": "1"}),
    ("execute_request", {"code": "1 / 0"}),
    ("complete_request", {"code": "x", "cursor_pos": 1}),
    ("inspect_request", {"code": "x", "cursor_pos": 1}),
    ("is_complete_request", {"code": "x"}),
    ("history_request", {"hist_access_type": "tail", "n": 1, "output": False, "raw": True}),
    ("kernel_info_request", {}),
    ("comm_info_request", {}),
    ("interrupt_request", {}),
]


async def test_kernel_info(client: ProtocolClient) -> None:
    content = (await client.request("kernel_info_request", {})).content
    assert content["status"] == "ok"
    assert content["protocol_version"] == "5.5"
    assert content["implementation"] == "async_kernel"
    language = content["language_info"]
    assert language["name"] == "python"
    assert language["mimetype"] == "text/x-python"
    assert language["file_extension"] == ".py"
    assert language["codemirror_mode"] == {"name": "ipython", "version": 3}
    assert language["pygments_lexer"] == "ipython3"
    values = await client.values(version="__import__('platform').python_version()")
    assert language["version"] == values["version"]
    assert values["version"] in content["banner"]
    assert platform.python_implementation() == "CPython"


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize(("msg_type", "content"), REQUESTS)
async def test_busy_reply_idle_on_the_channel_that_asked(
    client: ProtocolClient, msg_type: str, content: dict[str, Any], channel: Any
) -> None:
    done = await client.request(msg_type, content, channel=channel)
    assert done.reply["channel"] == channel
    assert done.reply["header"]["msg_type"] == msg_type.replace("_request", "_reply")
    assert done.messages[0]["content"] == {"execution_state": "busy"}
    assert done.messages[-1]["content"] == {"execution_state": "idle"}
    assert done.messages[-2] is done.reply
    assert len(done.of_type("status")) == 2
    for msg in done.messages:
        assert msg["parent_header"] == done.request["header"]
        assert msg["header"]["session"] != client.factory.session


async def test_a_request_without_optional_parts(client: ProtocolClient) -> None:
    msg = client.message("kernel_info_request")
    del msg["metadata"], msg["content"], msg["parent_header"]  # type: ignore[misc]
    client.send({**msg, "buffers": []})
    assert (await client.wait_idle(msg)).content["status"] == "ok"


async def test_unknown_header_fields_come_back(client: ProtocolClient) -> None:
    msg = client.message("kernel_info_request", {}, header={"extra": {"kept": [1, None, "🐍"]}})
    client.send(msg)
    done = await client.wait_idle(msg)
    assert all(m["parent_header"]["extra"] == {"kept": [1, None, "🐍"]} for m in done.messages)


async def test_one_session_and_unique_ids(client: ProtocolClient) -> None:
    for _ in range(3):
        await client.request("kernel_info_request", {})
        await client.execute("print(1)")
    assert len({m["header"]["session"] for m in client.messages}) == 1
    ids = [m["header"]["msg_id"] for m in client.messages]
    assert len(ids) == len(set(ids))


async def test_many_requests_at_once_each_get_their_own(client: ProtocolClient) -> None:
    requests = [client.message(t, c) for _ in range(5) for t, c in REQUESTS if c != {"code": "1 / 0"}]
    for request in requests:
        client.send(request)
    for request in requests:
        done = await client.wait_idle(request)
        assert done.reply["parent_header"] == request["header"]


async def test_interrupt_stops_a_cell_that_awaits(client: ProtocolClient) -> None:
    cell = client.start(
        "import anyio\ntry:\n    print('waits')\n    await anyio.Event().wait()\nfinally:\n    print('left')"
    )
    await client.wait_text(cell, "waits")
    asked = await client.request("interrupt_request", {}, channel="control")
    assert asked.content == {"status": "ok"}
    done = await client.wait_idle(cell)
    assert done.content["ename"] == "KeyboardInterrupt"
    assert done.text() == "waits\nleft\n"
    assert [m["content"]["ename"] for m in done.of_type("error")] == ["KeyboardInterrupt"]
    assert (await client.execute("1")).content["status"] == "ok"


async def test_interrupt_aborts_the_cells_behind(client: ProtocolClient) -> None:
    cell = client.start("import anyio\nprint('waits')\nawait anyio.Event().wait()")
    queued = client.start("'never'")
    await client.wait_text(cell, "waits")
    await client.request("interrupt_request", {}, channel="control")
    assert (await client.wait_idle(cell)).content["ename"] == "KeyboardInterrupt"
    assert (await client.wait_idle(queued)).content["status"] == "aborted"


async def test_interrupt_of_an_idle_kernel_stops_nothing_later(client: ProtocolClient) -> None:
    await client.request("interrupt_request", {}, channel="control")
    assert (await client.execute("import anyio\nawait anyio.sleep(0)")).content["status"] == "ok"


async def test_a_cell_that_catches_the_interrupt_goes_on(client: ProtocolClient) -> None:
    cell = client.start(
        "import anyio\nprint('waits')\n"
        "try:\n    await anyio.Event().wait()\n"
        "except anyio.get_cancelled_exc_class():\n    print('cleans up')\n    raise"
    )
    await client.wait_text(cell, "waits")
    await client.request("interrupt_request", {}, channel="control")
    done = await client.wait_idle(cell)
    assert done.text() == "waits\ncleans up\n"
    assert done.content["ename"] == "KeyboardInterrupt"
