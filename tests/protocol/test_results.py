"""Sections "Execution results" and "Code inputs"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from protocol.client import outputs

if TYPE_CHECKING:
    from protocol.client import ProtocolClient

pytestmark = pytest.mark.anyio


async def test_expression(client: ProtocolClient) -> None:
    done = await client.execute("6 * 7")
    (result,) = done.of_type("execute_result")
    assert result["content"]["data"] == {"text/plain": "42"}
    assert result["content"]["metadata"] == {}


async def test_one_execution_count_in_input_result_and_reply(client: ProtocolClient) -> None:
    counts = []
    for code in ("1", "2", "print()\n3"):
        done = await client.execute(code)
        (started,) = done.of_type("execute_input")
        (result,) = done.of_type("execute_result")
        assert started["content"]["code"] == code
        assert (
            started["content"]["execution_count"]
            == result["content"]["execution_count"]
            == done.content["execution_count"]
        )
        counts.append(done.content["execution_count"])
    assert counts == [counts[0], counts[0] + 1, counts[0] + 2]


async def test_messages_of_a_cell_come_in_the_specified_order(client: ProtocolClient) -> None:
    done = await client.execute("print(1)\n2")
    kinds = [m["content"].get("execution_state", m["header"]["msg_type"]) for m in done.messages]
    assert kinds == ["busy", "execute_input", "stream", "execute_result", "execute_reply", "idle"]


@pytest.mark.parametrize("code", ["1;", "None", "x = 1", "", "   \n", "# only a comment", "def f(): return 1"])
async def test_no_result(client: ProtocolClient, code: str) -> None:
    done = await client.execute(code)
    assert done.content["status"] == "ok"
    assert outputs(done) == []


async def test_only_the_last_expression_is_a_result(client: ProtocolClient) -> None:
    assert outputs(await client.execute("1\n2\n3")) == [("execute_result", "3")]


async def test_earlier_results_have_names(client: ProtocolClient) -> None:
    # As in IPython, a name that a cell has assigned is that cell's until it is deleted: others share this kernel.
    await client.execute("_ = __ = ___ = None; del _, __, ___")
    first = await client.execute("'first'")
    await client.execute("'second'")
    n = first.content["execution_count"]
    done = await client.execute(f"_, __, _{n}, Out[{n}], In[-3]")
    assert outputs(done) == [("execute_result", """('second', 'first', 'first', 'first', "'first'")""")]


async def test_rich_result(client: ProtocolClient) -> None:
    done = await client.execute(
        "class Rich:\n"
        "    def _repr_html_(self): return '<b>rich</b>', {'isolated': True}\n"
        "    def __repr__(self): return 'rich'\n"
        "Rich()"
    )
    (result,) = done.of_type("execute_result")
    assert result["content"]["data"] == {"text/html": "<b>rich</b>", "text/plain": "rich"}
    assert result["content"]["metadata"] == {"text/html": {"isolated": True}}


async def test_a_failing_repr_shows_its_traceback_and_the_next_cell_works(client: ProtocolClient) -> None:
    done = await client.execute("class Bad:\n    def __repr__(self): raise ValueError('no repr')\nBad()")
    shown = [m["content"]["evalue"] for m in done.of_type("error")]
    assert shown == ["no repr"]
    assert outputs(await client.execute("'fine'")) == [("execute_result", "'fine'")]


async def test_a_failing_rich_repr_leaves_the_others(client: ProtocolClient) -> None:
    done = await client.execute(
        "class Half:\n"
        "    def _repr_html_(self): raise ValueError('no html')\n"
        "    def __repr__(self): return 'half'\n"
        "Half()"
    )
    assert outputs(done) == [("error", "ValueError"), ("execute_result", "half")]
    assert done.content["status"] == "ok"


async def test_result_of_more_than_5_megabytes(client: ProtocolClient) -> None:
    done = await client.execute("from IPython.display import HTML\nHTML('<p>' + 'x' * 6_000_000 + 'end</p>')")
    (result,) = done.of_type("execute_result")
    assert result["content"]["data"]["text/html"] == "<p>" + "x" * 6_000_000 + "end</p>"


async def test_names_of_cells_live_on(client: ProtocolClient) -> None:
    await client.execute("def double(x): return 2 * x")
    await client.execute("y = double(21)")
    assert outputs(await client.execute("y")) == [("execute_result", "42")]


async def test_magics(client: ProtocolClient) -> None:
    done = await client.execute("x = %pwd\nisinstance(x, str)")
    assert outputs(done) == [("execute_result", "True")]
    done = await client.execute("%%writefile written_by_a_test.txt\nfrom a cell\n")
    assert "written_by_a_test.txt" in done.text()
    done = await client.execute(
        "import os\nwith open('written_by_a_test.txt') as f: print(f.read())\nos.remove('written_by_a_test.txt')"
    )
    assert done.text() == "from a cell\n\n"


async def test_the_kernel_is_reached_from_a_cell(client: ProtocolClient) -> None:
    done = await client.execute(
        "ip = get_ipython()\nip.kernel.shell is ip, type(ip.kernel.get_parent()['header']['msg_id'])"
    )
    assert outputs(done) == [("execute_result", "(True, str)")]
