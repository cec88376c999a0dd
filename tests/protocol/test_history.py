"""Section "History"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from protocol.client import ProtocolClient

pytestmark = pytest.mark.anyio

Item = tuple[int, int, Any]


async def history(client: ProtocolClient, access: str, **content: Any) -> list[Item]:
    request = {"hist_access_type": access, "output": False, "raw": True, **content}
    done = await client.request("history_request", request)
    assert done.content["status"] == "ok", done.content
    return [tuple(item) for item in done.content["history"]]


@pytest.fixture
async def words(client: ProtocolClient) -> list[str]:
    """Inputs that no other test has, executed."""
    codes = [f"'{uuid4().hex} {i}'" for i in range(4)]
    for code in codes:
        await client.execute(code)
    return codes


async def test_tail(client: ProtocolClient, words: list[str]) -> None:
    assert [item[2] for item in await history(client, "tail", n=3)] == words[1:]
    assert [item[2] for item in await history(client, "tail", n=1)] == words[3:]


async def test_tail_has_line_numbers_in_order(client: ProtocolClient, words: list[str]) -> None:
    lines = [line for _, line, _ in await history(client, "tail", n=4)]
    assert lines == list(range(lines[0], lines[0] + 4))


async def test_tail_with_output(client: ProtocolClient, words: list[str]) -> None:
    inputs = [item[2][0] for item in await history(client, "tail", n=2, output=True)]
    assert inputs == words[2:]


async def test_raw_and_transformed(client: ProtocolClient) -> None:
    await client.execute("%pwd")
    assert (await history(client, "tail", n=1, raw=True))[-1][2] == "%pwd"
    assert "run_line_magic" in (await history(client, "tail", n=1, raw=False))[-1][2]


async def test_range_of_this_session(client: ProtocolClient, words: list[str]) -> None:
    count = (await client.values(n="get_ipython().execution_count"))["n"]
    found = await history(client, "range", session=0, start=count - 4, stop=count)
    assert [item[2] for item in found] == words
    assert [item[1] for item in found] == list(range(count - 4, count))
    found = await history(client, "range", session=0, start=count - 2)
    assert [item[2] for item in found] == words[2:]


async def test_range_with_output(client: ProtocolClient, words: list[str]) -> None:
    count = (await client.values(n="get_ipython().execution_count"))["n"]
    ((_, _, pair),) = await history(client, "range", session=0, start=count - 1, stop=count, output=True)
    assert pair[0] == words[3]
    assert pair[1] is None or words[3].strip("'") in pair[1]


async def test_range_of_an_earlier_session_that_there_is_not(client: ProtocolClient) -> None:
    assert await history(client, "range", session=-10_000) == []


async def test_search(client: ProtocolClient, words: list[str]) -> None:
    key = words[2].strip("'").split()[0]
    assert [item[2] for item in await history(client, "search", pattern=f"*{key}*")] == [words[2]]
    assert await history(client, "search", pattern="*nothing has this text 4711*") == []


async def test_search_limits_and_uniqueness(client: ProtocolClient) -> None:
    key = uuid4().hex
    for _ in range(3):
        await client.execute(f"'{key}'")
    assert len(await history(client, "search", pattern=f"*{key}*")) == 3
    assert len(await history(client, "search", pattern=f"*{key}*", n=2)) == 2
    assert len(await history(client, "search", pattern=f"*{key}*", unique=True)) == 1


async def test_failed_cells_are_in_the_history(client: ProtocolClient) -> None:
    await client.execute("1 / 0")
    assert (await history(client, "tail", n=1))[-1][2] == "1 / 0"


async def test_unknown_access_type(client: ProtocolClient) -> None:
    done = await client.request("history_request", {"hist_access_type": "sideways", "output": False, "raw": True})
    assert done.content["status"] == "error"
    assert "'tail', 'range' or 'search'" in done.content["evalue"]
