"""Messages: built, packed, parsed, checked."""

from __future__ import annotations

import getpass
import json
from datetime import datetime
from typing import Any

import pytest
from async_kernel._errors import BadMessageError
from async_kernel._message import MessageFactory, check, pack, parse, refused
from async_kernel._wire import reply_type

HEADER = {
    "msg_id": "1",
    "msg_type": "kernel_info_request",
    "session": "s",
    "username": "u",
    "date": "2026-01-01T00:00:00Z",
    "version": "5.5",
}


def test_a_header_has_the_fields_of_the_specification() -> None:
    header = MessageFactory().header("status")
    assert set(header) == {"msg_id", "msg_type", "session", "username", "date", "version"}
    assert header["msg_type"] == "status"
    assert header["version"] == "5.5"
    assert header["date"].endswith("Z")
    assert datetime.fromisoformat(header["date"]).tzinfo is not None


def test_ids_are_unique_and_sessions_differ() -> None:
    one, other = MessageFactory(), MessageFactory()
    ids = [f.header("x")["msg_id"] for f in (one, other) for _ in range(3)]
    assert len(set(ids)) == 6
    assert one.session != other.session
    assert one.header("x")["session"] == one.session


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        msg = "uid not found"
        raise KeyError(msg)

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert MessageFactory().header("x")["username"]


def test_parent_is_a_message_or_a_header() -> None:
    factory = MessageFactory()
    request = factory.message("kernel_info_request", channel="shell")
    assert request["parent_header"] == {}
    for parent in (request, request["header"]):
        assert factory.message("x", channel="iopub", parent=parent)["parent_header"] == request["header"]
    assert factory.message("x", channel="iopub", parent={})["parent_header"] == {}


def test_header_fields_can_be_given() -> None:
    msg = MessageFactory().message("x", channel="shell", header={"session": "other", "subshell_id": "1"})
    assert msg["header"]["session"] == "other"
    assert msg["header"]["subshell_id"] == "1"
    assert msg["header"]["msg_type"] == "x"


def test_pack_leaves_buffers_out_of_the_json() -> None:
    msg = MessageFactory().message("comm_msg", channel="iopub", content={"a": 1}, buffers=[b"\x00", memoryview(b"x")])
    text, buffers = pack(msg)
    assert set(json.loads(text)) == {"channel", "header", "parent_header", "metadata", "content"}
    assert [bytes(b) for b in buffers] == [b"\x00", b"x"]
    assert check(parse(text) | {"channel": "shell"}, buffers)["content"] == {"a": 1}  # type: ignore[operator]


def test_check_fills_in_what_is_optional() -> None:
    msg = check({"header": {"msg_id": "1", "msg_type": "x"}})
    assert msg == {
        "channel": "shell",
        "header": {"msg_id": "1", "msg_type": "x", "session": "", "username": "", "date": "", "version": ""},
        "parent_header": {},
        "metadata": {},
        "content": {},
        "buffers": [],
    }


@pytest.mark.parametrize("raw", [None, 1, "x", [], True])
def test_no_object(raw: object) -> None:
    with pytest.raises(BadMessageError, match="must be an object") as caught:
        check(raw)
    assert caught.value.header is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"channel": "iopub"}, "unknown channel 'iopub'"),
        ({"channel": None}, "unknown channel None"),
        ({"content": 5}, "content of 'kernel_info_request' must be an object, got int"),
        ({"metadata": []}, "metadata of 'kernel_info_request' must be an object, got list"),
        ({"parent_header": "x"}, "parent_header of 'kernel_info_request' must be an object, got str"),
    ],
)
def test_what_can_be_answered_keeps_its_header(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(BadMessageError, match=says) as caught:
        check({"header": HEADER, **changes})
    assert caught.value.header == HEADER


def test_a_refused_message_is_answered_where_it_asked() -> None:
    assert refused({"channel": "control", "content": 5}, HEADER)["channel"] == "control"  # type: ignore[arg-type]
    assert refused({"channel": "nowhere"}, HEADER)["channel"] == "shell"  # type: ignore[arg-type]
    assert refused(["no object"], HEADER)["content"] == {}  # type: ignore[arg-type]


def test_long_values_are_cut_in_errors() -> None:
    with pytest.raises(BadMessageError) as caught:
        check({"header": {**HEADER, "msg_id": ["x" * 10_000]}})
    assert len(str(caught.value)) < 200


def test_parse_says_why() -> None:
    with pytest.raises(BadMessageError, match="not JSON"):
        parse("{")


@pytest.mark.parametrize(("request_type", "reply"), [("execute_request", "execute_reply"), ("x_request", "x_reply")])
def test_reply_types(request_type: str, reply: str) -> None:
    assert reply_type(request_type) == reply
