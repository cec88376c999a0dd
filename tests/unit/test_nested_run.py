"""`asyncio.run` and its like inside a cell."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import uvloop  # noqa: F401  # kernels find its functions at their start
from async_kernel.testing import KernelClient, in_process_client

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

LOOPS = ["asyncio", "uvloop"]
SETUP = """
import asyncio
async def give(value):
    await asyncio.sleep(0)
    print("gives", value)
    return value
"""


@asynccontextmanager
async def started_kernel() -> AsyncGenerator[KernelClient]:
    """A kernel. No fixture: pytest changes sys.stdout between a fixture and its test."""
    async with in_process_client() as client:
        await client.execute(SETUP)
        yield client


async def result(client: KernelClient, code: str) -> str:
    exchange = await client.execute(code)
    assert exchange.content["status"] == "ok", exchange.content
    (shown,) = exchange.of_type("execute_result")
    return shown["content"]["data"]["text/plain"]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": use}) for use in (False, True)], ids=LOOPS)
class TestNestedRun:
    @pytest.mark.parametrize(
        "code",
        [
            "asyncio.run(give(7))",
            "asyncio.run(give(7), debug=True)",
            "asyncio.Runner(loop_factory=asyncio.SelectorEventLoop).run(give(7))",
            "asyncio.get_event_loop().run_until_complete(give(7))",
            "loop = asyncio.new_event_loop(); value = loop.run_until_complete(give(7)); loop.close(); value",
            "async def outer(): return asyncio.run(give(7))\nasyncio.run(outer())",
            "async def outer(): return asyncio.run(give(7))\nawait outer()",
            "async def outer(): return asyncio.get_event_loop().run_until_complete(give(7))\nawait outer()",
        ],
    )
    @pytest.mark.filterwarnings("ignore::ResourceWarning")  # the Runner that the user does not close
    async def test_gives_its_result_and_output(self, code: str):
        async with started_kernel() as client:
            exchange = await client.execute(code)
            assert exchange.text() == "gives 7\n"
            assert exchange.of_type("execute_result")[0]["content"]["data"]["text/plain"] == "7"

    @pytest.mark.parametrize(
        "code",
        [
            "uvloop.run(give(7))",
            "loop = uvloop.new_event_loop(); value = loop.run_until_complete(give(7)); loop.close(); value",
        ],
    )
    async def test_uvloop_s_own_functions(self, code: str):
        async with started_kernel() as client:
            assert await result(client, f"import uvloop\n{code}") == "7"

    async def test_tasks_of_the_cell_s_own_loop_go_on_afterwards(self):
        async with started_kernel() as client:
            assert await result(client, "task = asyncio.create_task(give(1)); asyncio.run(give(2)); await task") == "1"

    async def test_futures_of_the_running_loop_are_reached(self):
        async with started_kernel() as client:
            await client.execute("future = asyncio.get_running_loop().create_future()")
            await client.execute("asyncio.get_running_loop().call_later(0.01, future.set_result, 'here')")
            assert await result(client, "asyncio.get_event_loop().run_until_complete(future)") == "'here'"

    async def test_context_variables_are_those_of_the_cell(self):
        async with started_kernel() as client:
            await client.execute("import contextvars\nname = contextvars.ContextVar('name')\nname.set('before')")
            await client.execute("asyncio.get_event_loop().run_until_complete(give(1))\nname.set('behind')")
            assert (
                await result(client, "asyncio.get_event_loop().run_until_complete(give(2)); name.get()") == "'behind'"
            )

    async def test_cells_wait_side_by_side(self):
        async with started_kernel() as client:
            await client.execute("first, second = [asyncio.get_running_loop().create_future() for _ in range(2)]")
            wait = "asyncio.get_event_loop().run_until_complete"
            waits = client.message("execute_request", {"code": f"# task\n{wait}(first)"})
            client.send(waits)
            await client.execute("first.set_result(1); second.set_result(2)")
            assert await result(client, f"{wait}(second)") == "2"
            assert (await client.wait_idle(waits)).of_type("execute_result")[0]["content"]["data"]["text/plain"] == "1"

    async def test_errors_come_out(self):
        async with started_kernel() as client:
            exchange = await client.execute("async def fail(): raise KeyError('x')\nasyncio.run(fail())")
            assert exchange.content["ename"] == "KeyError"
            assert await result(client, "await give(3)") == "3"

    async def test_all_queued_cells_run(self):
        async with started_kernel() as client:
            codes = [f"asyncio.get_event_loop().run_until_complete(give({n}))" for n in range(10)]
            codes += [f"asyncio.run(give({n}))" for n in range(10, 20)]
            sent = [client.message("execute_request", {"code": code}) for code in codes]
            for message in sent:
                client.send(message)
            texts = [(await client.wait_idle(message)).text() for message in sent]
            assert texts == [f"gives {n}\n" for n in range(20)]

    async def test_asyncio_is_as_before_when_the_kernel_has_ended(self):
        before = asyncio.run, asyncio.Runner.run, asyncio.BaseEventLoop.run_until_complete
        async with in_process_client():
            assert asyncio.run is not before[0]
        assert (asyncio.run, asyncio.Runner.run, asyncio.BaseEventLoop.run_until_complete) == before
