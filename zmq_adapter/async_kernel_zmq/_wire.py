"""Messages as signed ZMQ frames.

Section "The Wire Protocol" of the messaging specification.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Final

from async_kernel._json import dumps_bytes, loads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from async_kernel._wire import Buffer, Message

DELIMITER: Final = b"<IDS|MSG>"
_PARTS: Final = ("header", "parent_header", "metadata", "content")
_REMEMBERED: Final = 1 << 16


class WireError(Exception):
    """Frames that are no message of this kernel's clients; the text says why."""


class Signer:
    """Signs messages, and refuses those that are unsigned, wrongly signed or sent before.

    Args:
        key: the secret that clients share; empty for none.
        scheme: `hmac-` and the name of a hash function.

    Raises:
        ValueError: the scheme is unknown.
    """

    def __init__(self, key: bytes, scheme: str) -> None:
        kind, _, name = scheme.partition("-")
        if kind != "hmac" or name not in hashlib.algorithms_available:
            allowed = ", ".join(sorted(f"hmac-{n}" for n in hashlib.algorithms_guaranteed if "shake" not in n))
            msg = f"unknown signature scheme {scheme!r}: use one of {allowed}"
            raise ValueError(msg)
        self._mac = hmac.new(key, digestmod=name) if key else None
        self._seen: dict[bytes, None] = {}

    def sign(self, parts: Sequence[bytes]) -> bytes:
        """The signature of a message's JSON parts, in hexadecimal."""
        if self._mac is None:
            return b""
        mac = self._mac.copy()
        mac.update(b"".join(parts))  # in one call, each of which takes long
        return mac.hexdigest().encode()

    def check(self, signature: bytes, parts: Sequence[bytes]) -> None:
        """Let a signature pass once.

        Raises:
            WireError: it is wrong, or was used before.
        """
        if self._mac is None:
            return
        if not hmac.compare_digest(signature, self.sign(parts)):
            msg = "a message that is not signed with this kernel's key"
            raise WireError(msg)
        if signature in self._seen:
            msg = "a message that was sent before (replay)"
            raise WireError(msg)
        self._seen[signature] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]


class Packer:
    """Makes frames of messages.

    Args:
        signer: signs them.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._parent: tuple[dict[str, Any], bytes] = ({}, b"{}")
        """The last parent and its JSON: several messages of one parent follow each other. A copy: who sends a message
        may go on to change what is its parent.
        """

    def frames(self, msg: Message, prefix: Sequence[bytes]) -> list[Buffer]:
        """The frames of a message, behind its routing identities or its topic."""
        parent, packed = self._parent
        if msg["parent_header"] != parent:
            packed = dumps_bytes(msg["parent_header"])
            self._parent = {**msg["parent_header"]}, packed
        metadata = dumps_bytes(msg["metadata"]) if msg["metadata"] else b"{}"
        parts = [dumps_bytes(msg["header"]), packed, metadata, dumps_bytes(msg["content"])]
        return [*prefix, DELIMITER, self._signer.sign(parts), *parts, *msg["buffers"]]


def from_frames(frames: Sequence[Buffer], signer: Signer) -> tuple[list[bytes], dict[str, Any], list[Buffer]]:
    """The routing identities, the message and the buffers of frames that a client sent.

    Raises:
        WireError: they are no signed message.
    """
    try:
        start = frames.index(DELIMITER) + 1
    except ValueError as e:
        msg = f"{len(frames)} frames without {DELIMITER.decode()}"
        raise WireError(msg) from e
    signature, *parts = [bytes(frame) for frame in frames[start : start + 5]] or [b""]
    if len(parts) != len(_PARTS):
        msg = f"a message of {len(parts)} parts, not {len(_PARTS)}"
        raise WireError(msg)
    signer.check(signature, parts)
    try:
        raw = {name: loads(part) for name, part in zip(_PARTS, parts, strict=True)}
    except (ValueError, RecursionError) as e:
        msg = f"a message that is not JSON: {e}"
        raise WireError(msg) from e
    return [bytes(frame) for frame in frames[: start - 1]], raw, list(frames[start + 5 :])
