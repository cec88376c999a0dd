"""Section "Introspection"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from protocol.client import plain

if TYPE_CHECKING:
    from async_kernel._wire import Content
    from protocol.client import ProtocolClient

pytestmark = pytest.mark.anyio

DEFINE = "def inspected(first, second=2):\n    'What inspected does.'\n    return first"


async def inspect(client: ProtocolClient, code: str, cursor_pos: int | None = None, detail_level: int = 0) -> Content:
    position = len(code) if cursor_pos is None else cursor_pos
    content = {"code": code, "cursor_pos": position, "detail_level": detail_level}
    done = await client.request("inspect_request", content)
    assert done.content["status"] == "ok"
    return done.content


async def test_signature_and_docstring(client: ProtocolClient) -> None:
    await client.execute(DEFINE)
    content = await inspect(client, "inspected")
    assert content["found"] is True
    text = plain(content["data"]["text/plain"])
    assert "inspected(first, second=2)" in text
    assert "What inspected does." in text
    assert "return first" not in text


async def test_detail_level_1_has_the_source(client: ProtocolClient) -> None:
    await client.execute(DEFINE)
    content = await inspect(client, "inspected", detail_level=1)
    assert "return first" in plain(content["data"]["text/plain"])


@pytest.mark.parametrize(
    ("code", "cursor_pos"), [("inspected(1, ", 13), ("x = inspected(1)", 7), ("s = '🐍🐍'; inspected()", 15)]
)
async def test_name_at_the_cursor(client: ProtocolClient, code: str, cursor_pos: int) -> None:
    await client.execute(DEFINE)
    content = await inspect(client, code, cursor_pos)
    assert content["found"] is True
    assert "What inspected does." in plain(content["data"]["text/plain"])


async def test_attributes_and_magics(client: ProtocolClient) -> None:
    await client.execute("import math")
    assert "cosine" in plain((await inspect(client, "math.cos"))["data"]["text/plain"])
    assert (await inspect(client, "%timeit"))["found"] is True


@pytest.mark.parametrize(
    "code", ["no_such_name", "", "math.none", "1 +", "(((", "'no", "if x:\n    y\n  zz", "\x00", "\ud800"]
)
async def test_not_found(client: ProtocolClient, code: str) -> None:
    content = await inspect(client, code)
    assert content["found"] is False
    assert content["data"] == {}
    assert content["metadata"] == {}


async def test_fields_left_out(client: ProtocolClient) -> None:
    await client.execute(DEFINE)
    done = await client.request("inspect_request", {"code": "inspected"})
    assert done.content["found"] is True


async def test_objects_that_resist_inspection(client: ProtocolClient) -> None:
    await client.execute(
        "class Resists:\n    def __getattr__(self, name): raise RuntimeError(name)\n"
        "    def __repr__(self): raise RuntimeError('repr')\n    def __len__(self): raise RuntimeError('len')\n"
        "resists = Resists()"
    )
    for level in (0, 1):
        assert "Resists" in plain((await inspect(client, "resists", detail_level=level))["data"]["text/plain"])
