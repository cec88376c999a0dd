"""Messages as frames."""

from __future__ import annotations

import json
from typing import Any

from async_kernel._message import MessageFactory
from async_kernel_zmq._wire import Packer, Signer


def test_a_parent_that_is_changed_between_two_messages() -> None:
    """Code that sends messages of its own may keep one dict for the parents of all of them."""
    packer, factory = Packer(Signer(b"key", "hmac-sha256")), MessageFactory()
    parent: dict[str, Any] = {"msg_id": "first"}

    def sent_parent() -> Any:
        _, _, _, parent_header, *_ = packer.frames(factory.message("status", channel="iopub", parent=parent), [])
        return json.loads(bytes(parent_header))

    assert sent_parent() == {"msg_id": "first"}
    parent["msg_id"] = "second"
    assert sent_parent() == {"msg_id": "second"}
