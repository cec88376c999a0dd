"""What threads print goes to the cell that started them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from async_kernel.testing import KernelClient, in_process_client

if TYPE_CHECKING:
    from async_kernel._wire import Message

SETUP = """
import asyncio, threading
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(1)
go = threading.Event()
def say(text):
    go.wait()
    print(text)
"""
STARTS = [
    "threads.append(threading.Thread(target=say, args=({0!r},)))\nthreads[-1].start()",
    "threads.append(threading.Timer(0, say, ({0!r},)))\nthreads[-1].start()",
    "threads.append(pool.submit(say, {0!r}))",
    "threads.append(asyncio.get_running_loop().run_in_executor(pool, say, {0!r}))",
    "threads.append(asyncio.create_task(asyncio.to_thread(say, {0!r})))",
]


async def printed(client: KernelClient, text: str) -> str:
    """The code of the cell that a line went to."""
    cells: list[str] = []

    def has_line(_: Message) -> bool:
        inputs = [m for m in client.messages if m["header"]["msg_type"] == "execute_input"]
        cells[:] = [m["content"]["code"] for m in inputs if f"{text}\n" in written(client, m)]
        return bool(cells)

    await client.wait_for(has_line)
    (cell,) = cells
    return cell


def written(client: KernelClient, of: Message) -> str:
    """All that the cell of a message has written so far."""
    msg_id = of["parent_header"]["msg_id"]
    streams = [m for m in client.messages if m["header"]["msg_type"] == "stream"]
    return "".join(m["content"]["text"] for m in streams if m["parent_header"].get("msg_id") == msg_id)


@pytest.mark.anyio
@pytest.mark.parametrize("start", STARTS)
async def test_each_to_its_own_cell_though_others_have_run_since(start: str):
    async with in_process_client() as client:
        await client.execute(SETUP)
        await client.execute("threads = []")
        await client.execute(start.format("first"))
        await client.execute(start.format("second"))
        await client.execute("go.set()")
        assert "'first'" in await printed(client, "first")
        assert "'second'" in await printed(client, "second")
        await client.execute("pool.shutdown()")


@pytest.mark.anyio
async def test_threads_of_threads_belong_to_the_cell_too():
    async with in_process_client() as client:
        await client.execute(SETUP)
        code = "inner = threading.Thread(target=say, args=('deep',))\nthreading.Thread(target=inner.start).start()"
        await client.execute(code)
        await client.execute("go.set()")
        assert await printed(client, "deep") == code


@pytest.mark.anyio
async def test_threads_are_as_before_when_the_kernel_has_ended():
    before = threading.Thread.start, ThreadPoolExecutor.submit
    async with in_process_client():
        assert threading.Thread.start is not before[0]
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == before
