"""What is no message of the specification: an error reply or a logged drop, and the next message works."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from protocol.client import outputs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from protocol.client import ProtocolClient
    from protocol.transports import Transport

pytestmark = pytest.mark.anyio

START_LOG = """
import logging
logged = []
class _Keep(logging.Handler):
    def emit(self, record):
        logged.append(record.getMessage())
_log = get_ipython().kernel.log
_log.addHandler(_keep := _Keep())
_level = _log.level
_log.setLevel(logging.DEBUG)
"""


@pytest.fixture
async def log(client: ProtocolClient) -> AsyncGenerator[None]:
    """The kernel keeps what it logs in `logged`. Afterwards it still works."""
    await client.execute(START_LOG)
    yield
    assert outputs(await client.execute("'next'")) == [("execute_result", "'next'")]
    await client.execute("_log.removeHandler(_keep)\n_log.setLevel(_level)")


async def last_log(client: ProtocolClient) -> str:
    # What was sent before is handled: this comes behind it on the same channel.
    await client.request("kernel_info_request", {})
    text: str = (await client.values(log="logged[-1] if logged else ''"))["log"]
    return text


@pytest.mark.parametrize("text", ["", "{", "not JSON", "{'single': 'quotes'}", "[1, 2", "\x00", "{}{}", "🐍", "﻿{}"])
async def test_not_json(client: ProtocolClient, log: None, text: str) -> None:
    client.send_raw(text)
    assert "not JSON" in await last_log(client)


@pytest.mark.parametrize("text", ["null", "1", '"text"', "[]", "true", "[{}]"])
async def test_no_object(client: ProtocolClient, log: None, text: str) -> None:
    client.send_raw(text)
    assert "must be an object" in await last_log(client)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (..., "header must be an object"),
        (None, "header must be an object"),
        ([], "header must be an object"),
        ("h", "header must be an object"),
        ({}, "msg_id"),
        ({"msg_type": "kernel_info_request"}, "msg_id"),
        ({"msg_type": "kernel_info_request", "msg_id": 5}, "msg_id"),
        ({"msg_type": "kernel_info_request", "msg_id": ""}, "msg_id"),
        ({"msg_id": "x"}, "msg_type"),
        ({"msg_id": "x", "msg_type": None}, "msg_type"),
        ({"msg_id": "x", "msg_type": ["kernel_info_request"]}, "msg_type"),
        ({"msg_id": "x", "msg_type": "kernel_info_request", "session": 5}, "session"),
        ({"msg_id": "x", "msg_type": "kernel_info_request", "date": {}}, "date"),
    ],
)
async def test_header_that_is_none(client: ProtocolClient, log: None, header: Any, says: str) -> None:
    msg = {"channel": "shell", "parent_header": {}, "metadata": {"unlike": uuid4().hex}, "content": {}}
    client.send_raw(json.dumps(msg if header is ... else {**msg, "header": header}))
    assert says in await last_log(client)


async def refused(client: ProtocolClient, **changes: Any) -> str:
    """Send a kernel_info_request with changes; the text of its error reply."""
    msg = client.message("kernel_info_request", {})
    changed = {key: value for key, value in {**msg, **changes, "buffers": None}.items() if value is not None}
    client.send_raw(json.dumps(changed))
    done = await client.wait_idle(msg)
    assert done.content["status"] == "error"
    assert done.content["traceback"] == []
    assert done.reply["channel"] in ("shell", "control")
    return str(done.content["evalue"])


@pytest.mark.parametrize("channel", ["", "iopub", "nowhere", "SHELL", 5, ["shell"], {}])
async def test_unknown_channel(client: ProtocolClient, transport: Transport, log: None, channel: Any) -> None:
    if transport.names_channels:
        assert "unknown channel" in await refused(client, channel=channel)
    else:
        msg = client.message("kernel_info_request", {})
        client.send_raw(json.dumps({**msg, "channel": channel}))
        assert (await client.wait_idle(msg)).reply["channel"] == "shell"


@pytest.mark.parametrize("part", ["parent_header", "metadata", "content"])
@pytest.mark.parametrize("value", [5, "text", [1], True])
async def test_parts_of_the_wrong_kind(client: ProtocolClient, log: None, part: str, value: Any) -> None:
    text = await refused(client, **{part: value})
    assert f"{part} of 'kernel_info_request' must be an object" in text


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize(
    "msg_type", ["no_such_request", "_request", "__init___request", "receive_request", "close_request"]
)
async def test_unknown_request(client: ProtocolClient, log: None, msg_type: str, channel: Any) -> None:
    done = await client.request(msg_type, {}, channel=channel)
    assert done.content["status"] == "error"
    assert msg_type in done.content["evalue"]
    assert done.reply["channel"] == channel


@pytest.mark.parametrize(
    "msg_type", ["no_such_type", "receive", "interrupt", "close", "__init__", "execute_reply", "log"]
)
async def test_unknown_type_is_dropped(client: ProtocolClient, log: None, msg_type: str) -> None:
    client.send(client.message(msg_type, {}))
    assert repr(msg_type) in await last_log(client)


WRONG_CONTENT: list[tuple[str, dict[str, Any], str]] = [
    ("execute_request", {}, "code"),
    ("execute_request", {"code": None}, "code"),
    ("execute_request", {"code": 5}, "code"),
    ("execute_request", {"code": ["1"]}, "code"),
    ("execute_request", {"code": "1", "silent": "yes"}, "silent"),
    ("execute_request", {"code": "1", "store_history": 1}, "store_history"),
    ("execute_request", {"code": "1", "allow_stdin": "no"}, "allow_stdin"),
    ("execute_request", {"code": "1", "stop_on_error": "no"}, "stop_on_error"),
    ("execute_request", {"code": "1", "user_expressions": ["1"]}, "user_expressions"),
    ("complete_request", {}, "code"),
    ("complete_request", {"code": 1, "cursor_pos": 0}, "code"),
    ("complete_request", {"code": "x", "cursor_pos": "1"}, "cursor_pos"),
    ("complete_request", {"code": "x", "cursor_pos": True}, "cursor_pos"),
    ("inspect_request", {"cursor_pos": 0}, "code"),
    ("inspect_request", {"code": "x", "cursor_pos": 1.5}, "cursor_pos"),
    ("inspect_request", {"code": "x", "cursor_pos": 1, "detail_level": "1"}, "detail_level"),
    ("is_complete_request", {}, "code"),
    ("is_complete_request", {"code": {}}, "code"),
    ("history_request", {}, "hist_access_type"),
    ("history_request", {"hist_access_type": 1}, "hist_access_type"),
    ("history_request", {"hist_access_type": "tail", "n": "3"}, "'n'"),
    ("history_request", {"hist_access_type": "range", "session": "0"}, "session"),
    ("history_request", {"hist_access_type": "range", "start": None}, "start"),
    ("history_request", {"hist_access_type": "search", "pattern": 5}, "pattern"),
    ("history_request", {"hist_access_type": "tail", "output": "no"}, "output"),
    ("comm_info_request", {"target_name": 5}, "target_name"),
    ("shutdown_request", {"restart": "yes"}, "restart"),
]


@pytest.mark.parametrize(("msg_type", "content", "names"), WRONG_CONTENT)
async def test_wrong_content(
    client: ProtocolClient, log: None, msg_type: str, content: dict[str, Any], names: str
) -> None:
    done = await client.request(msg_type, content)
    assert done.content["status"] == "error"
    assert names in done.content["evalue"]


@pytest.mark.parametrize("msg_type", ["comm_open", "comm_msg", "comm_close"])
@pytest.mark.parametrize("content", [{}, {"comm_id": 5}, {"comm_id": None, "target_name": "x", "data": {}}])
async def test_wrong_comm_content(client: ProtocolClient, log: None, msg_type: str, content: dict[str, Any]) -> None:
    done = await client.request(msg_type, content)
    assert [m["header"]["msg_type"] for m in done.messages] == ["status", "status"]
    assert "comm_id" in await last_log(client)


async def test_comm_open_without_a_target(client: ProtocolClient, log: None) -> None:
    await client.request("comm_open", {"comm_id": "no target"})
    assert "target_name" in await last_log(client)


@pytest.mark.parametrize("data", [5, "text", [1], None])
async def test_comm_data_of_any_kind(client: ProtocolClient, log: None, data: Any) -> None:
    await client.execute(
        "import comm\ndef keep(c, msg): kept = msg['content'].get('data')\n"
        "comm.get_comm_manager().register_target('any data', keep)"
    )
    done = await client.request("comm_open", {"comm_id": f"{data}", "target_name": "any data", "data": data})
    assert done.messages[-1]["content"] == {"execution_state": "idle"}


async def test_buffers_in_the_json_are_not_the_buffers(client: ProtocolClient, log: None) -> None:
    msg = client.message("kernel_info_request", {})
    client.send_raw(json.dumps({**msg, "buffers": "no list"}))
    assert (await client.wait_idle(msg)).content["status"] == "ok"


async def test_the_same_id_twice(client: ProtocolClient, transport: Transport, log: None) -> None:
    msg = client.message("kernel_info_request", {})
    client.send(msg)
    await client.wait_idle(msg)
    client.messages.clear()
    client.send(msg)
    if transport.refuses_replay:
        assert "replay" in await last_log(client)
        msg["metadata"] = {"another": "signature"}
        client.send(msg)
    assert (await client.wait_idle(msg)).content["status"] == "ok"


async def test_deep_json(client: ProtocolClient, log: None) -> None:
    client.send_raw("[" * 5_000)  # Pyodide's stack does not take much more
    assert "not JSON" in await last_log(client)
