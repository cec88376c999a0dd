"""The messaging specification, version 5.x, as checks on what a kernel sends.

Written from the document "Messaging in Jupyter", not from the kernel: every literal here is the specification's.
A check is a function that raises AssertionError; `Fields` says which fields a content has and of what kind.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

Message = Mapping[str, Any]
Check = Callable[[Any, str], None]

CHANNELS = {"shell", "control", "iopub", "stdin"}


def a(*kinds: type) -> Check:
    """A value of one of some types; True and False are no integers."""

    def check(value: Any, where: str) -> None:
        assert isinstance(value, kinds), f"{where} is {value!r:.100}, not {kinds}"
        assert bool in kinds or not isinstance(value, bool), f"{where} is {value}, not {kinds}"

    return check


def one_of(*values: object) -> Check:
    def check(value: Any, where: str) -> None:
        assert value in values, f"{where} is {value!r:.100}, not one of {values}"

    return check


def list_of(item: Check) -> Check:
    def check(value: Any, where: str) -> None:
        a(list)(value, where)
        for index, v in enumerate(value):
            item(v, f"{where}[{index}]")

    return check


def dict_of(item: Check) -> Check:
    def check(value: Any, where: str) -> None:
        a(dict)(value, where)
        for key, v in value.items():
            item(v, f"{where}[{key!r}]")

    return check


def fields(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these fields, and others that the specification leaves free."""

    def check(value: Any, where: str) -> None:
        a(dict)(value, where)
        missing = required.keys() - value.keys()
        assert not missing, f"{where} lacks {sorted(missing)}: {value!r:.300}"
        for name, part in {**(optional or {}), **required}.items():
            if name in value:
                part(value[name], f"{where}.{name}")

    return check


def mime_bundle(value: Any, where: str) -> None:
    """Text for every MIME type but JSON's, which is any JSON."""
    a(dict)(value, where)
    for mime, data in value.items():
        assert "/" in mime, f"{where} has the key {mime!r}, which is no MIME type"
        if not (mime == "application/json" or mime.endswith("+json")):
            a(str, list)(data, f"{where}[{mime!r}]")


def iso_date(value: Any, where: str) -> None:
    a(str)(value, where)
    assert datetime.fromisoformat(value).tzinfo is not None, f"{where} is {value!r}, without a time zone"


def protocol_version(value: Any, where: str) -> None:
    a(str)(value, where)
    assert value.split(".")[0] == "5", f"{where} is {value!r}, not 5.x"


ERROR = {"ename": a(str), "evalue": a(str), "traceback": list_of(a(str))}
BUNDLE = {"data": mime_bundle, "metadata": a(dict)}

HEADER = fields(
    {
        "msg_id": a(str),
        "msg_type": a(str),
        "session": a(str),
        "username": a(str),
        "date": iso_date,
        "version": protocol_version,
    }
)


def expression(value: Any, where: str) -> None:
    """The value of a user expression: a display, or an error."""
    fields({"status": one_of("ok", "error")})(value, where)
    fields(BUNDLE if value["status"] == "ok" else ERROR)(value, where)


def payload(value: Any, where: str) -> None:
    fields({"source": one_of("page", "set_next_input", "edit_magic", "ask_exit")})(value, where)
    by_source: dict[str, dict[str, Check]] = {
        "page": {"data": mime_bundle, "start": a(int)},
        "set_next_input": {"text": a(str), "replace": a(bool)},
        "edit_magic": {"filename": a(str), "line_number": a(int)},
        "ask_exit": {"keepkernel": a(bool)},
    }
    fields(by_source[value["source"]])(value, where)


def history_item(value: Any, where: str) -> None:
    """(session, line, input) or (session, line, (input, output))."""
    a(list)(value, where)
    assert len(value) == 3, f"{where} has {len(value)} parts, not 3"
    a(int)(value[0], f"{where}[0]")
    a(int)(value[1], f"{where}[1]")
    if isinstance(value[2], list):
        assert len(value[2]) == 2, f"{where}[2] is no pair of input and output"
        a(str)(value[2][0], f"{where}[2][0]")
        a(str, type(None))(value[2][1], f"{where}[2][1]")
    else:
        a(str)(value[2], f"{where}[2]")


def indent_if_incomplete(content: Any, where: str) -> None:
    assert content["status"] != "incomplete" or isinstance(content.get("indent"), str), f"{where} has no indent"


TYPED_COMPLETION = fields({"start": a(int), "end": a(int), "text": a(str), "type": a(str)}, {"signature": a(str)})

IOPUB: dict[str, Check] = {
    "status": fields({"execution_state": one_of("busy", "idle", "starting")}),
    "stream": fields({"name": one_of("stdout", "stderr"), "text": a(str)}),
    "display_data": fields(BUNDLE, {"transient": a(dict)}),
    "update_display_data": fields({**BUNDLE, "transient": fields({"display_id": a(str)})}),
    "execute_input": fields({"code": a(str), "execution_count": a(int)}),
    "execute_result": fields({**BUNDLE, "execution_count": a(int)}, {"transient": a(dict)}),
    "error": fields(ERROR),
    "clear_output": fields({"wait": a(bool)}),
    "comm_open": fields({"comm_id": a(str), "target_name": a(str), "data": a(dict)}),
    "comm_msg": fields({"comm_id": a(str), "data": a(dict)}),
    "comm_close": fields({"comm_id": a(str), "data": a(dict)}),
    "shutdown_reply": fields({"restart": a(bool)}),
    "debug_event": fields({"type": one_of("event"), "seq": a(int), "event": a(str), "body": a(dict)}),
}

OK_REPLIES: dict[str, Check] = {
    "execute_reply": fields(
        {"execution_count": a(int), "user_expressions": dict_of(expression), "payload": list_of(payload)}
    ),
    "complete_reply": fields(
        {
            "matches": list_of(a(str)),
            "cursor_start": a(int),
            "cursor_end": a(int),
            "metadata": fields({}, {"_jupyter_types_experimental": list_of(TYPED_COMPLETION)}),
        }
    ),
    "inspect_reply": fields({"found": a(bool), **BUNDLE}),
    "history_reply": fields({"history": list_of(history_item)}),
    "debug_reply": fields(
        {
            "type": one_of("response"),
            "seq": a(int),
            "request_seq": a(int),
            "success": a(bool),
            "command": a(str),
            "body": a(dict),
        },
        {"message": a(str)},
    ),
    "comm_info_reply": fields({"comms": dict_of(fields({"target_name": a(str)}))}),
    "kernel_info_reply": fields(
        {
            "protocol_version": protocol_version,
            "implementation": a(str),
            "implementation_version": a(str),
            "language_info": fields({"name": a(str), "version": a(str), "mimetype": a(str), "file_extension": a(str)}),
            "banner": a(str),
        },
        {
            "help_links": list_of(fields({"text": a(str), "url": a(str)})),
            "debugger": a(bool),
            "supported_features": list_of(a(str)),
        },
    ),
    "shutdown_reply": fields({"restart": a(bool)}),
    "interrupt_reply": fields({}),
    "create_subshell_reply": fields({"subshell_id": a(str)}),
    "delete_subshell_reply": fields({}),
    "list_subshell_reply": fields({"subshell_id": list_of(a(str))}),
}

INPUT_REQUEST = fields({"prompt": a(str), "password": a(bool)})


def _check_reply(msg_type: str, content: Any, where: str) -> None:
    a(dict)(content, where)
    status = content.get("status")
    if msg_type == "is_complete_reply" and status != "error":
        fields({"status": one_of("complete", "incomplete", "invalid", "unknown")})(content, where)
        indent_if_incomplete(content, where)
        return
    one_of("ok", "error", "aborted")(status, f"{where}.status")
    if status == "ok":
        assert msg_type in OK_REPLIES, f"{where}: the specification has no {msg_type}"
        OK_REPLIES[msg_type](content, where)
    elif status == "error":
        fields(ERROR, {"execution_count": a(int)})(content, where)


def check_message(msg: Message) -> None:
    """A message of the kernel is one of the specification."""
    assert msg.keys() >= {"channel", "header", "parent_header", "metadata", "content"}, sorted(msg)
    one_of(*CHANNELS)(msg["channel"], "channel")
    HEADER(msg["header"], "header")
    msg_type = msg["header"]["msg_type"]
    a(dict)(msg["metadata"], f"{msg_type}.metadata")
    a(dict)(msg["parent_header"], f"{msg_type}.parent_header")
    match msg["channel"]:
        case "iopub":
            assert msg_type in IOPUB, f"{msg_type} is no message of iopub"
            IOPUB[msg_type](msg["content"], msg_type)
        case "stdin":
            assert msg_type == "input_request", f"{msg_type} on stdin"
            INPUT_REQUEST(msg["content"], msg_type)
        case _:
            assert msg_type.endswith("_reply"), f"{msg_type} on {msg['channel']}"
            _check_reply(msg_type, msg["content"], msg_type)


def check_conversation(messages: Sequence[Message]) -> None:
    """All that a kernel sent: each message is right, and each request got busy, its reply, idle, in this order."""
    ids: set[str] = set()
    by_parent: dict[str, list[Message]] = defaultdict(list)
    for msg in messages:
        check_message(msg)
        msg_id = msg["header"]["msg_id"]
        assert msg_id not in ids, f"two messages with the id {msg_id}"
        ids.add(msg_id)
        if msg["parent_header"]:
            by_parent[msg["parent_header"]["msg_id"]].append(msg)
    for of_one in by_parent.values():
        _check_request(of_one)


def _check_request(messages: Sequence[Message]) -> None:
    """Busy comes first; the reply, if its type has one, before idle. Output of what still runs may follow."""
    parent = messages[0]["parent_header"]
    kinds = [_kind(m) for m in messages]
    described = f"{parent['msg_type']}: {kinds}"
    statuses = [k for k in kinds if k in ("busy", "idle")]
    if not statuses:
        return  # output of a request whose own messages came before this conversation
    assert statuses == ["busy", "idle"], described
    assert kinds[0] == "busy", described
    replies = [m for m in messages if m["channel"] in ("shell", "control")]
    if parent["msg_type"].endswith("_request"):
        assert len(replies) == 1, described
        reply_type = replies[0]["header"]["msg_type"]
        assert reply_type == parent["msg_type"].removesuffix("_request") + "_reply", described
        assert kinds.index(reply_type) < kinds.index("idle"), described
    else:
        assert not replies, described
    for msg in messages:
        assert msg["parent_header"] == parent, f"{described}: different parent headers"


def _kind(msg: Message) -> str:
    msg_type: str = msg["header"]["msg_type"]
    if msg_type == "shutdown_reply" and msg["channel"] == "iopub":
        return "shutdown_reply on iopub"
    return msg["content"]["execution_state"] if msg_type == "status" else msg_type


def strict_json(text: str) -> Any:
    """The object of a JSON text, by the letter of RFC 8259, that UTF-8 can carry.

    Raises:
        ValueError: it is none.
    """
    text.encode("utf-8")
    return json.loads(text, parse_constant=_no_json)


def _no_json(name: str) -> NoReturn:
    msg = f"{name} is not JSON"
    raise ValueError(msg)
