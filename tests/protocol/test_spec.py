"""The checks themselves: what lacks a field of the specification, or has it of the wrong kind, is found."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from protocol.spec import check_conversation, check_message, strict_json

HEADER = {
    "msg_id": "1",
    "msg_type": "x",
    "session": "s",
    "username": "u",
    "date": "2026-01-01T00:00:00Z",
    "version": "5.5",
}
ERROR = {"ename": "E", "evalue": "v", "traceback": ["t"]}
BUNDLE = {"data": {"text/plain": "x"}, "metadata": {}}
CONTENTS: list[tuple[str, str, dict[str, Any]]] = [
    ("iopub", "status", {"execution_state": "busy"}),
    ("iopub", "stream", {"name": "stdout", "text": "x"}),
    ("iopub", "display_data", BUNDLE),
    ("iopub", "update_display_data", {**BUNDLE, "transient": {"display_id": "i"}}),
    ("iopub", "execute_input", {"code": "x", "execution_count": 1}),
    ("iopub", "execute_result", {**BUNDLE, "execution_count": 1}),
    ("iopub", "error", ERROR),
    ("iopub", "clear_output", {"wait": True}),
    ("iopub", "comm_open", {"comm_id": "c", "target_name": "t", "data": {}}),
    ("iopub", "comm_msg", {"comm_id": "c", "data": {}}),
    ("iopub", "comm_close", {"comm_id": "c", "data": {}}),
    ("stdin", "input_request", {"prompt": "p", "password": False}),
    ("shell", "execute_reply", {"status": "ok", "execution_count": 1, "user_expressions": {}, "payload": []}),
    ("shell", "execute_reply", {"status": "error", **ERROR}),
    ("shell", "complete_reply", {"status": "ok", "matches": [], "cursor_start": 0, "cursor_end": 0, "metadata": {}}),
    ("shell", "inspect_reply", {"status": "ok", "found": True, **BUNDLE}),
    ("shell", "history_reply", {"status": "ok", "history": [[1, 2, "x"], [1, 3, ["x", None]]]}),
    ("shell", "is_complete_reply", {"status": "incomplete", "indent": ""}),
    ("shell", "comm_info_reply", {"status": "ok", "comms": {"c": {"target_name": "t"}}}),
    ("control", "shutdown_reply", {"status": "ok", "restart": True}),
    ("control", "interrupt_reply", {"status": "ok"}),
]


def message(channel: str, msg_type: str, content: dict[str, Any], **header: Any) -> dict[str, Any]:
    return {
        "channel": channel,
        "header": {**HEADER, "msg_type": msg_type, **header},
        "parent_header": {},
        "metadata": {},
        "content": copy.deepcopy(content),
    }


@pytest.mark.parametrize(("channel", "msg_type", "content"), CONTENTS)
def test_each_field_is_needed(channel: str, msg_type: str, content: dict[str, Any]) -> None:
    check_message(message(channel, msg_type, content))
    for name in content:
        for wrong in ("gone", {"wrong": "kind"}):
            msg = message(channel, msg_type, content)
            if wrong == "gone":
                del msg["content"][name]
            else:
                msg["content"][name] = [wrong]
            with pytest.raises(AssertionError):
                check_message(msg)


@pytest.mark.parametrize("name", HEADER)
def test_each_header_field_is_needed(name: str) -> None:
    msg = message("iopub", "status", {"execution_state": "idle"})
    del msg["header"][name]
    with pytest.raises((AssertionError, KeyError)):
        check_message(msg)


@pytest.mark.parametrize(
    "header", [{"date": "yesterday"}, {"date": "2026-01-01T00:00:00"}, {"version": "4.1"}, {"session": None}]
)
def test_header_values(header: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, ValueError)):
        check_message(message("iopub", "status", {"execution_state": "idle"}, **header))


@pytest.mark.parametrize(
    ("channel", "msg_type"),
    [("iopub", "execute_reply"), ("shell", "stream"), ("stdin", "status"), ("shell", "a_reply")],
)
def test_types_belong_to_channels(channel: str, msg_type: str) -> None:
    with pytest.raises(AssertionError):
        check_message(message(channel, msg_type, {"status": "ok"}))


BUSY, REPLY, IDLE = range(3)


@pytest.mark.parametrize(
    "order", [[BUSY, IDLE], [REPLY, IDLE], [BUSY, IDLE, REPLY], [BUSY, REPLY, IDLE, IDLE], [BUSY, REPLY, REPLY, IDLE]]
)
def test_every_request_gets_busy_reply_idle(order: list[int]) -> None:
    parent = {**HEADER, "msg_id": "request", "msg_type": "interrupt_request"}
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        ("iopub", "status", {"execution_state": "busy"}),
        ("control", "interrupt_reply", {"status": "ok"}),
        ("iopub", "status", {"execution_state": "idle"}),
    ]

    def conversation(numbers: list[int]) -> list[dict[str, Any]]:
        return [{**message(*kinds[n], msg_id=f"id{i}"), "parent_header": parent} for i, n in enumerate(numbers)]

    check_conversation(conversation([BUSY, REPLY, IDLE]))
    with pytest.raises(AssertionError):
        check_conversation(conversation(order))


def test_ids_are_unique() -> None:
    msg = message("iopub", "status", {"execution_state": "starting"})
    with pytest.raises(AssertionError, match="two messages"):
        check_conversation([msg, msg])


@pytest.mark.parametrize("text", ["NaN", '{"x": Infinity}', '"\ud800"', "{", "'x'"])
def test_strict_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|surrogates|Expecting"):
        strict_json(text)
