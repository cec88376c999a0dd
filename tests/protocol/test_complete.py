"""Sections "Completion" and "Code completeness"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from async_kernel._wire import Content
    from protocol.client import ProtocolClient

pytestmark = pytest.mark.anyio


async def complete(client: ProtocolClient, code: str, cursor_pos: int | None = None) -> Content:
    position = len(code) if cursor_pos is None else cursor_pos
    done = await client.request("complete_request", {"code": code, "cursor_pos": position})
    assert done.content["status"] == "ok"
    return done.content


def types(content: Content) -> dict[str, str]:
    found: list[dict[str, Any]] = content["metadata"]["_jupyter_types_experimental"]
    return {c["text"]: c["type"] for c in found}


async def test_names_of_the_namespace(client: ProtocolClient) -> None:
    await client.execute("a_variable_of_this_test = 1\ndef a_function_of_this_test(): pass")
    content = await complete(client, "x = a_var")
    assert content["matches"] == ["a_variable_of_this_test"]
    assert (content["cursor_start"], content["cursor_end"]) == (4, 9)


async def test_attributes_with_types(client: ProtocolClient) -> None:
    await client.execute(
        "import math\nget_ipython().Completer.jedi_compute_type_timeout = 60_000  # milliseconds\n"
        "class Thing:\n    number = 1\n    def method(self, x): pass\n    @property\n    def prop(self): return 1\n"
        "thing = Thing()"
    )
    content = await complete(client, "thing.")
    assert {"number", "method", "prop"} <= set(content["matches"])
    kinds = types(content)
    assert kinds["method"] == "function"
    assert kinds["number"] == "instance"
    content = await complete(client, "math.co")
    assert {"cos", "comb", "copysign"} <= set(content["matches"])
    assert types(content)["cos"] == "function"


async def test_signature_of_a_function(client: ProtocolClient) -> None:
    await client.execute("def with_signature(first, *, second=2): pass")
    content = await complete(client, "with_sig")
    (typed,) = content["metadata"]["_jupyter_types_experimental"]
    assert typed["text"] == "with_signature"
    assert typed["type"] == "function"
    assert "first" in typed["signature"]


async def test_code_that_has_not_run(client: ProtocolClient) -> None:
    content = await complete(client, "import collections\nfresh = collections.OrderedDict()\nfresh.move")
    assert "move_to_end" in content["matches"]


async def test_modules(client: ProtocolClient) -> None:
    assert "asyncio" in (await complete(client, "import asyn"))["matches"]
    assert "OrderedDict" in (await complete(client, "from collections import Ord"))["matches"]


async def test_magics(client: ProtocolClient) -> None:
    content = await complete(client, "%time")
    assert {"%time", "%timeit"} <= set(content["matches"])
    assert content["cursor_start"] == 0
    assert types(content)["%time"] == "magic"
    assert "%%writefile" in (await complete(client, "%%writef"))["matches"]


async def test_dictionary_keys(client: ProtocolClient) -> None:
    await client.execute("config = {'apple': 1, 'apricot': 2}")
    content = await complete(client, "config['ap")
    assert [m.strip("'\"[]").removeprefix("config['") for m in content["matches"]] == ["apple", "apricot"]
    assert content["cursor_end"] == 10


async def test_paths(client: ProtocolClient) -> None:
    await client.execute("with open('a_file_to_complete.txt', 'w') as f: f.write('')")
    content = await complete(client, "open('a_file_to_com")
    assert any("a_file_to_complete.txt" in m for m in content["matches"])
    await client.execute("import os; os.remove('a_file_to_complete.txt')")


async def test_cursor_positions_are_in_code_points(client: ProtocolClient) -> None:
    await client.execute("a_variable_of_this_test = 1")
    code = "s = '🐍🐍'; a_variable_of"
    content = await complete(client, code)
    assert content["matches"] == ["a_variable_of_this_test"]
    assert (content["cursor_start"], content["cursor_end"]) == (code.index("a_"), len(code))
    before, after = "x = '🐍𝄞'\na_variable_of", " + '🐍'"
    content = await complete(client, before + after, len(before))
    assert content["matches"] == ["a_variable_of_this_test"]
    assert (content["cursor_start"], content["cursor_end"]) == (before.index("a_"), len(before))


@pytest.mark.parametrize(("cursor_pos", "end"), [(-5, 0), (10_000, 9)])
async def test_positions_outside_the_code(client: ProtocolClient, cursor_pos: int, end: int) -> None:
    assert (await complete(client, "x = 1 + 2", cursor_pos))["cursor_end"] == end


async def test_cursor_pos_left_out_is_the_end(client: ProtocolClient) -> None:
    done = await client.request("complete_request", {"code": "impor"})
    assert "import" in done.content["matches"]


async def test_no_matches(client: ProtocolClient) -> None:
    content = await complete(client, "no_such_name_anywhere.attr")
    assert content["matches"] == []
    assert content["cursor_start"] <= content["cursor_end"] == 26


@pytest.mark.parametrize("code", ["", "(((", "'open", "def f(:", "\x00", "x = 🐍", "\\", "%%", "?", "\ud800"])
async def test_odd_code(client: ProtocolClient, code: str) -> None:
    content = await complete(client, code)
    assert 0 <= content["cursor_start"] <= content["cursor_end"] <= len(code)


async def test_matches_start_with_what_is_there(client: ProtocolClient) -> None:
    await client.execute("an_outer_name = 1")
    for code in ("an_ou", "print(an_ou", "  an_ou", "f = lambda: an_ou"):
        content = await complete(client, code)
        start, end = content["cursor_start"], content["cursor_end"]
        assert [code[:start] + m + code[end:] for m in content["matches"]] == [code.replace("an_ou", "an_outer_name")]


@pytest.mark.parametrize(
    ("code", "status", "indent"),
    [
        ("x = 1", "complete", None),
        ("", "complete", None),
        ("for i in range(3):", "incomplete", "    "),
        ("if x:\n    if y:", "incomplete", "        "),
        ("x = (1,", "incomplete", ""),
        ("'''open", "incomplete", ""),
        ("%%timeit\nx = 1", "incomplete", ""),
        ("await f()", "complete", None),
        ("x = = 1", "invalid", None),
        ("return", "invalid", None),
        (")", "invalid", None),
        ("!ls", "complete", None),
        ("x?", "complete", None),
    ],
)
async def test_is_complete(client: ProtocolClient, code: str, status: str, indent: str | None) -> None:
    done = await client.request("is_complete_request", {"code": code})
    assert done.content["status"] == status
    assert done.content.get("indent") == indent
