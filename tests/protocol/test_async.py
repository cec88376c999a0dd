"""Cells that await, what runs on behind them, and where its output goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from protocol.client import outputs

if TYPE_CHECKING:
    from protocol.client import ProtocolClient
    from protocol.conftest import RunNow
    from protocol.transports import Transport

pytestmark = pytest.mark.anyio


async def test_await(client: ProtocolClient) -> None:
    done = await client.execute(
        "import anyio\nasync def f():\n    await anyio.sleep(0)\n    return 'awaited'\nawait f()"
    )
    assert outputs(done) == [("execute_result", "'awaited'")]


async def test_async_for_and_async_with(client: ProtocolClient) -> None:
    done = await client.execute(
        "from contextlib import asynccontextmanager\n"
        "@asynccontextmanager\nasync def room():\n    print('in')\n    yield 'room'\n    print('out')\n"
        "async def numbers():\n    for i in range(2): yield i\n"
        "async with room() as r:\n    async for i in numbers(): print(r, i)\n"
        "[i async for i in numbers()]"
    )
    assert outputs(done) == [("stdout", "in\nroom 0\nroom 1\nout\n"), ("execute_result", "[0, 1]")]


async def test_anyio_in_a_cell(client: ProtocolClient) -> None:
    done = await client.execute(
        "import anyio\nasync with anyio.create_task_group() as group:\n"
        "    for i in range(3): group.start_soon(anyio.sleep, 0)\n"
        "with anyio.move_on_after(0): await anyio.sleep_forever()\n'went on'"
    )
    assert outputs(done) == [("execute_result", "'went on'")]


async def test_gather_prints_into_its_cell(client: ProtocolClient, transport: Transport) -> None:
    done = await client.execute(
        f"{transport.asyncio}import asyncio\n"
        "async def say(i):\n    for j in range(3):\n        print(i, j)\n        await asyncio.sleep(0)\n"
        "await asyncio.gather(*(say(i) for i in range(3)))"
    )
    assert sorted(done.text().splitlines()) == [f"{i} {j}" for i in range(3) for j in range(3)]
    assert done.of_type("execute_result")[0]["content"]["data"]["text/plain"] == "[None, None, None]"


async def test_a_task_prints_into_its_cell_after_that_ended(client: ProtocolClient, transport: Transport) -> None:
    done = await client.execute(
        f"{transport.asyncio}import asyncio\ngo_on = asyncio.Event()\n"
        "async def later():\n    await go_on.wait()\n    print('late')\n    display('late display')\n"
        "task = asyncio.create_task(later())\nprint('cell')"
    )
    assert outputs(done) == [("stdout", "cell\n")]
    other = await client.execute(f"{transport.asyncio}go_on.set()\nawait task\nprint('other')")
    assert outputs(other) == [("stdout", "other\n")]
    late = client.exchange(done.request)
    assert late.text() == "cell\nlate\n"
    assert [m["content"]["data"]["text/plain"] for m in late.of_type("display_data")] == ["'late display'"]


async def test_a_task_prints_into_its_cell_while_another_runs(client: ProtocolClient, transport: Transport) -> None:
    first = await client.execute(
        f"{transport.asyncio}import asyncio\nsteps = asyncio.Queue()\n"
        "async def worker():\n    while (step := await steps.get()) != 'end':\n        print('worker', step)\n"
        "task = asyncio.create_task(worker())"
    )
    second = await client.execute(
        f"{transport.asyncio}for i in range(3):\n    print('cell', i)\n    steps.put_nowait(i)\n"
        "    await asyncio.sleep(0)\n    await asyncio.sleep(0)\nsteps.put_nowait('end')\nawait task"
    )
    assert second.text() == "cell 0\ncell 1\ncell 2\n"
    assert client.exchange(first.request).text() == "worker 0\nworker 1\nworker 2\n"


async def test_loop_callbacks_print_into_their_cell(client: ProtocolClient, transport: Transport) -> None:
    first = await client.execute(
        f"{transport.asyncio}import asyncio\nloop = asyncio.get_running_loop()\ncalled = asyncio.Event()\n"
        "def callback():\n    print('called')\n    called.set()\n"
        "loop.call_later(0.001, callback)\nNone"
    )
    second = await client.execute(f"{transport.asyncio}await called.wait()\nprint('second')")
    assert second.text() == "second\n"
    await client.wait_text(first.request, "called")


async def test_an_error_in_a_task_is_told_not_lost(client: ProtocolClient, transport: Transport) -> None:
    await client.execute(
        f"{transport.asyncio}import asyncio, gc\nasync def fail(): raise ValueError('in a task nobody awaits')\n"
        "task = asyncio.create_task(fail())"
    )
    done = await client.execute(
        f"{transport.asyncio}try:\n    await task\nexcept ValueError as e:\n    print('caught', e)"
    )
    assert done.text() == "caught in a task nobody awaits\n"


async def test_executors_print_into_the_cell_that_uses_them(client: ProtocolClient, transport: Transport) -> None:
    # Pyodide has no threads: there it runs in the event loop's own
    done = await client.execute(f"{transport.asyncio}import asyncio\nawait asyncio.to_thread(print, 'from a thread')")
    assert done.text() == "from a thread\n"


async def test_cells_that_run_loops_and_those_behind_them(client: ProtocolClient, transport: Transport) -> None:
    await client.execute(
        "import asyncio\nasync def give(n):\n    await asyncio.sleep(0)\n    print('gives', n)\n    return n\n"
        "def in_new_loop(coroutine):\n    loop = asyncio.new_event_loop()\n"
        "    try: return loop.run_until_complete(coroutine)\n    finally: loop.close()"
    )
    running = "asyncio.get_event_loop().run_until_complete"
    ways = ["asyncio.run", running if transport.backend == "asyncio" else "in_new_loop"]
    cells = [client.start(f"{way}(give({n}))", stop_on_error=False) for n in range(5) for way in ways]
    for number, cell in enumerate(cells):
        done = await client.wait_idle(cell)
        if transport.has_threads or transport.listens_always:
            assert outputs(done) == [("stdout", f"gives {number // 2}\n"), ("execute_result", str(number // 2))]
        else:  # no stack can be left in the midst
            assert "await it instead" in done.content["evalue"]


async def test_context_variables_of_a_cell_are_there_in_the_next(client: ProtocolClient) -> None:
    await client.execute("from contextvars import ContextVar\nvar = ContextVar('var', default='unset')")
    await client.execute("var.set('set')")
    assert outputs(await client.execute("var.get()")) == [("execute_result", "'set'")]
    await client.execute("import anyio\nawait anyio.sleep(0)\nvar.set('after await')")
    code = "from async_kernel.caller import Caller\nasync def read(): return var.get()\n"
    done = await client.execute(f"{code}var.get(), await Caller().call_soon(read)")
    assert outputs(done) == [("execute_result", "('after await', 'after await')")]


async def test_context_variables_of_a_failed_cell_are_kept_too(client: ProtocolClient) -> None:
    await client.execute("from contextvars import ContextVar\nvar = ContextVar('var', default='unset')")
    await client.execute("var.set('before the error')\n1 / 0")
    assert outputs(await client.execute("var.get()")) == [("execute_result", "'before the error'")]


async def test_everything_else_is_answered_while_a_cell_awaits(client: ProtocolClient, run_now: RunNow) -> None:
    cell = client.start("import anyio\ngo_on = anyio.Event()\nnamed_in_cell = 1\nprint('waits')\nawait go_on.wait()")
    await client.wait_text(cell, "waits")
    info = await client.request("kernel_info_request", {}, channel="control")
    assert info.content["status"] == "ok"
    assert (await client.request("kernel_info_request", {})).content["status"] == "ok"
    completion = await client.request("complete_request", {"code": "named_in", "cursor_pos": 8})
    assert "named_in_cell" in completion.content["matches"]
    inspection = await client.request("inspect_request", {"code": "named_in_cell", "cursor_pos": 3, "detail_level": 0})
    assert inspection.content["found"] is True
    assert (await client.request("is_complete_request", {"code": "1"})).content["status"] == "complete"
    history = {"hist_access_type": "tail", "n": 1, "output": False, "raw": True}
    assert (await client.request("history_request", history)).content["status"] == "ok"
    assert (await client.request("comm_info_request", {})).content["status"] == "ok"
    assert not client.exchange(cell).of_type("execute_reply"), "the cell is still running"
    await run_now("go_on.set()")
    assert (await client.wait_idle(cell)).content["status"] == "ok"


async def test_the_output_of_a_request_beside_a_cell_does_not_go_to_the_cell(
    client: ProtocolClient, run_now: RunNow
) -> None:
    cell = client.start("import anyio\ngo_on = anyio.Event()\nprint('waits')\nawait go_on.wait()\nprint('goes on')")
    await client.wait_text(cell, "waits")
    beside = await run_now("print('beside')\ngo_on.set()")
    await client.wait_idle(cell)
    assert client.exchange(cell).text() == "waits\ngoes on\n"
    assert beside.text() == "beside\n"


async def test_get_parent_is_the_message_of_the_cell(client: ProtocolClient, transport: Transport) -> None:
    done = await client.execute(
        f"{transport.asyncio}import asyncio\nasync def parent():\n    await asyncio.sleep(0)\n"
        "    return get_ipython().kernel.get_parent()['header']['msg_id']\n"
        "await asyncio.create_task(parent())"
    )
    assert outputs(done) == [("execute_result", repr(done.request["header"]["msg_id"]))]


async def test_stacks_that_wait_in_turn_survive_the_collector(client: ProtocolClient, transport: Transport) -> None:
    """Where stacks are switched, one that waits is copied away when another goes on below it."""
    await client.execute(
        "import asyncio, time\n"
        "def deep(n, work): return max([0], key=lambda _: deep(n - 1, work)) if n else (work(), 0)[1]\n"
        "def garbage(): return [[[] for _ in range(50)] for _ in range(100)]\n"
        "waiting = True"
    )
    done = await client.execute(
        f"{transport.asyncio}async def compute():\n"
        "    global waiting\n"
        "    time.sleep(0.05)\n"
        "    for n in range(300):\n"
        "        deep(n % 37, garbage)\n"
        "    waiting = False\n"
        "def wait():\n"
        "    while waiting:\n"
        "        time.sleep(0.02)\n"
        "async def wait_deeply():\n"
        "    deep(20, wait)\n"
        "await asyncio.gather(compute(), wait_deeply())\n"
        "'whole'"
    )
    assert outputs(done) == [("execute_result", "'whole'")]


async def test_a_timer_that_is_late_is_called_soon(client: ProtocolClient, transport: Transport) -> None:
    done = await client.execute(
        f"{transport.asyncio}import asyncio\nloop, event = asyncio.get_running_loop(), asyncio.Event()\n"
        "loop.call_at(loop.time() - 1, event.set)\nawait event.wait()"
    )
    assert outputs(done) == [("execute_result", "True")]
