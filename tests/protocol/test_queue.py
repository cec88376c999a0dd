"""Section "Execution queue": order of cells, and what an error does to those behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from protocol.client import outputs

if TYPE_CHECKING:
    from protocol.client import ProtocolClient
    from protocol.conftest import RunNow, Together

pytestmark = pytest.mark.anyio

FAIL = "raise ValueError('stop here')"


async def test_cells_run_one_after_another_in_order(client: ProtocolClient) -> None:
    await client.execute("import anyio\norder = []")
    requests = [
        client.start(f"order.append(('start', {i}))\nawait anyio.sleep(0)\norder.append(('end', {i}))")
        for i in range(5)
    ]
    done = [await client.wait_idle(r) for r in requests]
    counts = [d.content["execution_count"] for d in done]
    assert counts == list(range(counts[0], counts[0] + 5))
    expected = [(what, i) for i in range(5) for what in ("start", "end")]
    assert await client.values(order="order") == {"order": expected}


async def test_an_error_aborts_what_is_queued_behind_it(client: ProtocolClient, together: Together) -> None:
    await client.execute("ran = []")
    failing, *queued = client.cell(FAIL), *(client.cell(f"ran.append({i})") for i in range(3))
    await together(failing, *queued)
    assert (await client.wait_idle(failing)).content["status"] == "error"
    for request in queued:
        done = await client.wait_idle(request)
        assert done.content["status"] == "aborted"
        kinds = [m["content"].get("execution_state", m["header"]["msg_type"]) for m in done.messages]
        assert kinds == ["busy", "execute_reply", "idle"]
    assert await client.values(ran="ran") == {"ran": []}
    assert (await client.execute("ran.append('later')\nran")).of_type("execute_result")


async def test_stop_on_error_false_aborts_nothing(client: ProtocolClient, together: Together) -> None:
    failing, queued = client.cell(FAIL, stop_on_error=False), client.cell("'ran'")
    await together(failing, queued)
    assert (await client.wait_idle(failing)).content["status"] == "error"
    assert outputs(await client.wait_idle(queued)) == [("execute_result", "'ran'")]


async def test_aborted_cells_count_nothing(client: ProtocolClient, together: Together) -> None:
    failing, queued = client.cell(FAIL), client.cell("1")
    await together(failing, queued)
    failed = await client.wait_idle(failing)
    await client.wait_idle(queued)
    after = await client.execute("2")
    assert after.content["execution_count"] == failed.content["execution_count"] + 1


async def test_other_requests_are_not_aborted(client: ProtocolClient, together: Together) -> None:
    failing, queued = client.cell(FAIL), client.cell("1")
    others = [
        client.message("kernel_info_request", {}),
        client.message("complete_request", {"code": "imp", "cursor_pos": 3}),
        client.message("comm_info_request", {}),
    ]
    await together(failing, *others, queued)
    await client.wait_idle(failing)
    for msg in others:
        assert (await client.wait_idle(msg)).content["status"] == "ok"
    assert (await client.wait_idle(queued)).content["status"] == "aborted"


async def test_cells_sent_while_the_failing_one_runs_are_aborted(client: ProtocolClient, run_now: RunNow) -> None:
    failing = client.start("import anyio\ngo_on = anyio.Event()\nprint('waits')\nawait go_on.wait()\n1 / 0")
    await client.wait_text(failing, "waits")
    queued = client.start("'never'")
    await run_now("go_on.set()")
    assert (await client.wait_idle(failing)).content["ename"] == "ZeroDivisionError"
    assert (await client.wait_idle(queued)).content["status"] == "aborted"
    assert outputs(await client.execute("'runs'")) == [("execute_result", "'runs'")]


async def test_a_silent_error_aborts_nothing(client: ProtocolClient, together: Together) -> None:
    failing, queued = client.cell(FAIL, silent=True), client.cell("'ran'")
    await together(failing, queued)
    assert (await client.wait_idle(failing)).content["status"] == "error"
    assert outputs(await client.wait_idle(queued)) == [("execute_result", "'ran'")]


async def test_a_syntax_error_aborts_too(client: ProtocolClient, together: Together) -> None:
    failing, queued = client.cell("= 1"), client.cell("'never'")
    await together(failing, queued)
    assert (await client.wait_idle(failing)).content["ename"] == "SyntaxError"
    assert (await client.wait_idle(queued)).content["status"] == "aborted"


async def test_two_failing_cells(client: ProtocolClient, together: Together) -> None:
    for _ in range(2):
        first, second = client.cell(FAIL), client.cell(FAIL)
        await together(first, second)
        assert (await client.wait_idle(first)).content["status"] == "error"
        assert (await client.wait_idle(second)).content["status"] == "aborted"


async def test_a_refused_request_aborts_nothing(client: ProtocolClient) -> None:
    wrong = client.message("execute_request", {"code": 5})
    client.send(wrong)
    queued = client.start("'ran'")
    assert (await client.wait_idle(wrong)).content["status"] == "error"
    assert outputs(await client.wait_idle(queued)) == [("execute_result", "'ran'")]
