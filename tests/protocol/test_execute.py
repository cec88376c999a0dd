"""Section "Execute": silent, store_history, user_expressions, payloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from protocol.client import outputs, plain

if TYPE_CHECKING:
    from async_kernel.testing import Exchange
    from protocol.client import ProtocolClient

pytestmark = pytest.mark.anyio


def payloads(done: Exchange) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = done.content["payload"]
    return found


async def count(client: ProtocolClient) -> int:
    return int((await client.values(n="get_ipython().execution_count"))["n"])


async def test_silent_publishes_status_only_and_counts_nothing(client: ProtocolClient) -> None:
    before = await count(client)
    done = await client.execute("kept = 5\nkept", silent=True, store_history=True)
    assert [m["header"]["msg_type"] for m in done.iopub] == ["status", "status"]
    assert done.content["status"] == "ok"
    assert await count(client) == before
    assert await client.values(kept="kept") == {"kept": 5}
    tail = await client.request("history_request", {"hist_access_type": "tail", "n": 1, "output": False, "raw": True})
    assert "kept" not in str(tail.content["history"])


async def test_store_history_false(client: ProtocolClient) -> None:
    before = await count(client)
    done = await client.execute("'not counted'", store_history=False)
    assert outputs(done) == [("execute_result", "'not counted'")]
    assert len(done.of_type("execute_input")) == 1
    assert done.content["execution_count"] == before
    assert await count(client) == before
    tail = await client.request("history_request", {"hist_access_type": "tail", "n": 1, "output": False, "raw": True})
    assert "not counted" not in str(tail.content["history"])


async def test_an_empty_cell_counts_nothing(client: ProtocolClient) -> None:
    before = await count(client)
    done = await client.execute("")
    assert done.content["status"] == "ok"
    assert await count(client) == before


async def test_fields_that_clients_leave_out(client: ProtocolClient) -> None:
    done = await client.request("execute_request", {"code": "1"})
    assert outputs(done) == [("execute_result", "1")]
    assert done.content["user_expressions"] == {}
    assert payloads(done) == []


async def test_user_expressions(client: ProtocolClient) -> None:
    done = await client.execute(
        "x = 20",
        user_expressions={"good": "x + 1", "rich": "__import__('IPython').display.HTML('<i>r</i>')", "bad": "1 / 0"},
    )
    expressions = done.content["user_expressions"]
    assert expressions["good"] == {"status": "ok", "data": {"text/plain": "21"}, "metadata": {}}
    assert expressions["rich"]["data"]["text/html"] == "<i>r</i>"
    assert expressions["bad"]["status"] == "error"
    assert expressions["bad"]["ename"] == "ZeroDivisionError"
    assert expressions["bad"]["evalue"] == "division by zero"
    assert expressions["bad"]["traceback"]
    assert done.content["status"] == "ok"


async def test_user_expressions_are_not_evaluated_after_an_error(client: ProtocolClient) -> None:
    await client.execute("calls = []")
    done = await client.execute("1 / 0", user_expressions={"call": "calls.append(1)"})
    assert done.content["status"] == "error"
    assert await client.values(calls="calls") == {"calls": []}


async def test_pager_payload(client: ProtocolClient) -> None:
    await client.execute("def documented(x):\n    'What it does.'\n    return x")
    for code, shows, hides in (("documented?", "What it does.", "return x"), ("documented??", "return x", "\x00")):
        done = await client.execute(code)
        (page,) = payloads(done)
        assert page["source"] == "page"
        assert page["start"] == 0
        text = plain(page["data"]["text/plain"])
        assert shows in text
        assert hides not in text
        assert outputs(done) == []


async def test_pager_of_an_unknown_name(client: ProtocolClient) -> None:
    done = await client.execute("no_such_name?")
    assert done.content["status"] == "ok"
    assert "no_such_name" in done.text() + str(payloads(done))


async def test_set_next_input_payload(client: ProtocolClient) -> None:
    done = await client.execute(
        "get_ipython().set_next_input('after')\nget_ipython().set_next_input('instead', replace=True)"
    )
    assert payloads(done) == [
        {"source": "set_next_input", "text": "after", "replace": False},
        {"source": "set_next_input", "text": "instead", "replace": True},
    ]


async def test_load_magic_replaces_the_cell(client: ProtocolClient) -> None:
    await client.execute("with open('to_load.py', 'w') as f: f.write('loaded = 1\\n')")
    done = await client.execute("%load to_load.py")
    (payload,) = payloads(done)
    assert payload["source"] == "set_next_input"
    assert "loaded = 1" in payload["text"]
    assert payload["replace"] is True
    await client.execute("import os; os.remove('to_load.py')")


@pytest.mark.parametrize(
    ("code", "keeps"), [("exit", False), ("quit", False), ("exit()", False), ("exit(keep_kernel=True)", True)]
)
async def test_exit_payload(client: ProtocolClient, code: str, keeps: bool) -> None:
    # Not stored: IPython keeps such a cell out of `In`, whose numbers are wrong from then on.
    done = await client.execute(code, store_history=False)
    assert payloads(done) == [{"source": "ask_exit", "keepkernel": keeps}]
    assert outputs(await client.execute("'alive'")) == [("execute_result", "'alive'")]


async def test_payloads_are_of_one_cell(client: ProtocolClient) -> None:
    await client.execute("get_ipython().set_next_input('x')\n1 / 0")
    assert payloads(await client.execute("1")) == []


async def test_counts_go_on_after_errors(client: ProtocolClient) -> None:
    first = await client.execute("1 / 0")
    assert (await client.execute("1")).content["execution_count"] == first.content["execution_count"] + 1


async def test_event_callbacks(client: ProtocolClient) -> None:
    await client.execute(
        "seen = []\nip = get_ipython()\n"
        "def pre_run(info): seen.append(('pre_run_cell', info.raw_cell))\n"
        "def post_run(result): seen.append(('post_run_cell', result.result))\n"
        "def pre(): seen.append('pre_execute')\ndef post(): seen.append('post_execute')\n"
        "ip.events.register('pre_run_cell', pre_run)\nip.events.register('post_run_cell', post_run)\n"
        "ip.events.register('pre_execute', pre)\nip.events.register('post_execute', post)"
    )
    await client.execute("seen.clear()\n3")
    await client.execute("4")
    values = await client.values(seen="[s for s in seen if 'execute' not in s]", pre="seen.count('pre_execute') > 0")
    await client.execute(
        "for callback in (pre_run, post_run, pre, post):\n"
        "    for registered in ip.events.callbacks.values():\n"
        "        if callback in registered: registered.remove(callback)"
    )
    assert values["seen"] == [("post_run_cell", 3), ("pre_run_cell", "4"), ("post_run_cell", 4)]
    assert values["pre"]
