"""`%thread`, `%asyncio`, `%trio`, `%callers` and `%subshell`, on both backends."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from async_kernel.testing import execute_content, in_process_client

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from async_kernel.testing import Exchange, KernelClient

pytestmark = pytest.mark.anyio

SET_UP = """
import anyio, sniffio, threading

async def where():
    await anyio.sleep(0)
    return sniffio.current_async_library(), threading.current_thread() is threading.main_thread()
"""


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@asynccontextmanager
async def started_kernel() -> AsyncGenerator[KernelClient]:
    """A kernel. No fixture: pytest changes sys.stdout between a fixture and its test."""
    async with in_process_client() as client:
        await client.execute(SET_UP)
        yield client


def shown(exchange: Exchange) -> str:
    assert exchange.content["status"] == "ok", exchange.content
    text: str = exchange.of_type("execute_result")[0]["content"]["data"]["text/plain"]
    return text


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(
    ("code", "in_main"),
    [
        ("%{0} await where()", True),
        ("%%{0}\nawait where()", True),
        ("x = %{0} await where()\nx", True),
        ("%%{0}\n%{0} await where()", True),
        ("%%thread backend={0}\nawait where()", False),
        ("%%thread name=t-{0} backend={0}\nawait where()", False),
    ],
)
async def test_backend(backend: str, code: str, in_main: bool) -> None:
    async with started_kernel() as client:
        assert shown(await client.execute(code.format(backend))) == f"('{backend}', {in_main})"


async def test_thread_line() -> None:
    async with started_kernel() as client:
        assert shown(await client.execute("%thread threading.current_thread() is threading.main_thread()")) == "False"
        assert shown(await client.execute("%thread (await where())[1]")) == "False"


async def test_thread_of_a_name_is_the_same() -> None:
    async with started_kernel() as client:
        for _ in range(2):
            assert shown(await client.execute("%%thread name=mine\nthreading.current_thread().name")) == "'mine'"
        assert "mine" in (await client.execute("%callers")).text()


@pytest.mark.parametrize("magic", ["thread", "trio", "asyncio"])
async def test_names_output_and_value_are_those_of_the_cell(magic: str) -> None:
    async with started_kernel() as client:
        code = f"%%{magic}\nprint('printed')\nasync def f():\n    return 6\ny = await f()\ny * 7"
        done = await client.execute(code)
        assert (done.text(), shown(done)) == ("printed\n", "42")
        assert shown(await client.execute("y")) == "6"
        assert (await client.execute(f"%%{magic}\ny = 1")).of_type("execute_result") == []


@pytest.mark.parametrize("magic", ["thread", "trio", "asyncio"])
async def test_error_is_that_of_the_cell(magic: str) -> None:
    async with started_kernel() as client:
        done = await client.execute(f"%%{magic}\nx = 1\n1 / 0")
        assert done.content["ename"] == "ZeroDivisionError"
        assert len(done.of_type("error")) == 1
        assert (await client.execute(f"%{magic} 1 +")).content["ename"] == "SyntaxError"


@pytest.mark.parametrize("magic", ["thread", "trio", "asyncio"])
async def test_other_messages_meanwhile_and_interrupt(magic: str) -> None:
    async with started_kernel() as client:
        code = f"%%{magic}\nprint('sleeps')\nawait anyio.sleep(3600)"
        request = client.message("execute_request", execute_content(code))
        client.send(request)
        await client.wait_for(lambda msg: msg["content"].get("text") == "sleeps\n")
        assert shown(await client.execute("# task\n'beside'")) == "'beside'"
        await client.request("interrupt_request", channel="control")
        assert (await client.wait_idle(request)).content["ename"] == "KeyboardInterrupt"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("%%thread backend=curio\n1", "backend 'curio'"),
        ("%%thread size=3\n1", "option 'size'"),
        ("%%thread name='\n1", "cannot be read"),
    ],
)
async def test_options_that_cannot_be(code: str, text: str) -> None:
    async with started_kernel() as client:
        done = await client.execute(code)
        assert done.content["status"] == "error"
        assert text in done.text("stderr") + done.content["evalue"]


async def test_one_backend_a_thread() -> None:
    async with started_kernel() as client:
        await client.execute("%%thread name=t backend=asyncio\n1")
        done = await client.execute("%%thread name=t backend=trio\n1")
        assert done.content["status"] == "error"
        assert "has the backend asyncio" in done.text("stderr") + done.content["evalue"]
        done = await client.execute("# thread name=t backend=trio\n1")
        assert "has the backend asyncio" in done.content["evalue"]


async def test_threads_of_a_backend_end(anyio_backend: str) -> None:
    """A cell's thread without a name goes back to the pool, whatever its backend."""
    async with started_kernel() as client:
        for _ in range(20):
            await client.execute("# thread backend=trio\nawait where()")
        assert int(shown(await client.execute("threading.active_count()"))) < 15


async def test_subshell_lists(anyio_backend: str) -> None:
    async with started_kernel() as client:
        subshell_id = (await client.request("create_subshell_request", channel="control")).content["subshell_id"]
        head, main, other = (await client.execute("%subshell")).text().splitlines()
        assert head.split() == ["subshell", "cells", "that", "run"]
        assert main.split() == ["*", "(main", "shell)", "1"]
        assert other.split() == [subshell_id, "0"]


async def test_callers_lists(anyio_backend: str) -> None:
    async with started_kernel() as client:
        head, *rows = (await client.execute("%callers")).text().splitlines()
        assert head.split() == ["name", "backend", "id", "thread", "parent"]
        assert ["Shell", anyio_backend] in [row.split()[:2] for row in rows]
