"""Messages: build, pack, parse, check.

Section "General message format" of the messaging specification.
"""

from __future__ import annotations

import getpass
import os
import time
import uuid
from typing import TYPE_CHECKING, Any, cast

from async_kernel._errors import BadMessageError
from async_kernel._json import dumps, loads
from async_kernel._wire import PROTOCOL_VERSION, REQUEST_CHANNELS, Buffer, Channel, Content, Header, Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def username() -> str:
    """The name of the user, as well as the platform knows it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no password database
        return os.environ.get("USER", "username")


class MessageFactory:
    """Builds the messages of one session: unique ids, dates, the user's name."""

    def __init__(self) -> None:
        self.session = uuid.uuid4().hex
        self._username = username()
        self._count = 0
        self._second = 0, ""

    def header(self, msg_type: str) -> Header:
        self._count += 1
        return {
            "msg_id": f"{self.session}_{self._count}",
            "msg_type": msg_type,
            "session": self.session,
            "username": self._username,
            "date": self._date(),
            "version": PROTOCOL_VERSION,
        }

    def _date(self) -> str:
        """The time now, of which all but the fraction is kept for the next message."""
        now, fraction = divmod(time.time_ns() // 1000, 1_000_000)
        second, text = self._second
        if now != second:
            text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
            self._second = now, text
        return f"{text}.{fraction:06}Z"

    def message(
        self,
        msg_type: str,
        *,
        channel: Channel,
        content: Content | None = None,
        parent: Message | Mapping[str, Any] | None = None,
        header: Mapping[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        buffers: Sequence[Buffer] | None = None,
    ) -> Message:
        """A message of this session.

        Args:
            msg_type: the type, as the specification spells it.
            channel: where it goes.
            content: its content.
            parent: the message that it answers, or that message's header.
            header: fields that replace the ones made here.
            metadata: its metadata.
            buffers: binary parts beside the JSON.
        """
        parent_header = parent.get("header", parent) if parent else {}
        own = self.header(msg_type)
        return {
            "channel": channel,
            "header": cast("Header", {**own, **header}) if header else own,
            "parent_header": parent_header,
            "metadata": metadata if metadata is not None else {},
            "content": content if content is not None else {},
            "buffers": [_flat(buffer) for buffer in buffers or ()],
        }


def _flat(buffer: Buffer) -> Buffer:
    """The buffer as bytes in one piece, copied only where it is not."""
    view = memoryview(buffer)
    return view.cast("B") if view.c_contiguous and view.nbytes else view.tobytes()


def pack(msg: Message) -> tuple[str, list[Buffer]]:
    """A message as one JSON text and the buffers beside it.

    Raises:
        TypeError: its content has no JSON form.
    """
    return dumps({key: value for key, value in msg.items() if key != "buffers"}), msg["buffers"]


def parse(msg_json: str | bytes) -> object:
    """The object of a message's JSON text.

    Raises:
        BadMessageError: it is not JSON.
    """
    try:
        return loads(msg_json)
    except (ValueError, TypeError, RecursionError) as e:
        msg = f"a message that is not JSON: {e}"
        raise BadMessageError(msg) from e


def check(raw: object, buffers: Sequence[Buffer] | None = None) -> Message:
    """`raw` as a message, its optional parts filled in.

    Raises:
        BadMessageError: it is none. its `header` is the message's where that is whole, to answer it.
    """
    if not isinstance(raw, dict):
        msg = f"a message must be an object, got {type(raw).__name__}"
        raise BadMessageError(msg)
    header = _header(raw.get("header"))
    channel = raw.get("channel", "shell")
    if not isinstance(channel, str) or channel not in REQUEST_CHANNELS | {"stdin"}:
        msg = f"unknown channel {channel!r:.80}: use 'shell', 'control' or 'stdin'"
        raise BadMessageError(msg, header)
    parts: dict[str, Any] = {}
    for key in ("parent_header", "metadata", "content"):
        part = raw.get(key)
        if part is None:
            part = {}
        if not isinstance(part, dict):
            msg = f"{key} of {header['msg_type']!r:.80} must be an object, got {type(part).__name__}"
            raise BadMessageError(msg, header)
        parts[key] = part
    return cast(
        "Message", {"channel": channel, "header": header, **parts, "buffers": [memoryview(b) for b in buffers or ()]}
    )


def refused(raw: object, header: Header) -> Message:
    """As much of a bad message as its answer needs."""
    channel = raw.get("channel") if isinstance(raw, dict) else None
    return {
        "channel": "control" if channel == "control" else "shell",
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": {},
        "buffers": [],
    }


def _header(raw: object) -> Header:
    if not isinstance(raw, dict):
        msg = f"header must be an object, got {type(raw).__name__}"
        raise BadMessageError(msg)
    for key in ("msg_id", "msg_type"):
        value = raw.get(key)
        if not isinstance(value, str) or not value:
            msg = f"header.{key} must be a text, got {value!r:.80}"
            raise BadMessageError(msg)
    for key in ("session", "username", "date", "version"):
        if not isinstance(raw.setdefault(key, ""), str):
            msg = f"header.{key} must be a text, got {raw[key]!r:.80}"
            raise BadMessageError(msg)
    if not isinstance(subshell := raw.get("subshell_id"), str | None):
        msg = f"header.subshell_id must be a text or null, got {subshell!r:.80}"
        raise BadMessageError(msg)
    return cast("Header", raw)
