"""The literal names and shapes of Jupyter's messaging specification.

Section numbers and names are those of "Messaging in Jupyter", protocol version 5.5.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NotRequired, TypedDict

PROTOCOL_VERSION: Final = "5.5"

Channel = Literal["shell", "control", "iopub", "stdin"]
RequestChannel = Literal["shell", "control"]
Buffer = bytes | bytearray | memoryview
Content = dict[str, Any]

REQUEST_CHANNELS: Final = frozenset(("shell", "control"))


class Header(TypedDict):
    """Section "Message header"."""

    msg_id: str
    msg_type: str
    session: str
    username: str
    date: str
    version: str
    subshell_id: NotRequired[str | None]


class Message(TypedDict):
    """Section "General message format", with the channel it belongs to."""

    channel: Channel
    header: Header
    parent_header: Header | dict[str, Any]
    metadata: dict[str, Any]
    content: Content
    buffers: list[Buffer]


def reply_type(msg_type: str) -> str:
    """The type of the reply to a request: `x_request` is answered by `x_reply`."""
    return msg_type.removesuffix("_request") + "_reply"
