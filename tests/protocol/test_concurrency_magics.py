"""`%thread`, `%asyncio`, `%trio`, `%callers`, `%subshell`, coroutines as magics, and the backends of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from protocol.client import outputs, result

if TYPE_CHECKING:
    from protocol.client import ProtocolClient
    from protocol.transports import Transport

pytestmark = pytest.mark.anyio

SET_UP = """
import anyio, threading
from async_kernel.caller import Caller

async def where():
    await anyio.sleep(0)
    return Caller().backend, threading.current_thread() is threading.main_thread()
"""
MAGICS = ["thread", "trio", "asyncio"]


@pytest.fixture(autouse=True)
async def names(client: ProtocolClient) -> None:
    await client.execute(SET_UP)


@pytest.fixture(params=MAGICS)
def magic(request: pytest.FixtureRequest, transport: Transport) -> str:
    """Each magic in turn, as far as there is its backend."""
    return request.param if request.param != "trio" or transport.has_trio else "asyncio"


async def test_the_backend_of_cells(client: ProtocolClient, transport: Transport) -> None:
    code = f"import {transport.backend} as library\nawait library.sleep(0)\nawait where()"
    assert result(await client.execute(code)) == f"('{transport.backend}', True)"


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
        ("# thread backend={0}\nawait where()", False),
    ],
)
async def test_backend(client: ProtocolClient, transport: Transport, backend: str, code: str, in_main: bool) -> None:
    done = await client.execute(code.format(backend))
    if backend == "trio" and not transport.has_trio and in_main:
        assert done.content["ename"] == "ImportError"
        assert "needs the package trio" in done.content["evalue"]
    elif transport.has_threads:
        assert result(done) == f"('{backend}', {in_main})"
    else:
        assert result(done) == "('asyncio', True)"


async def test_thread_line(client: ProtocolClient, transport: Transport) -> None:
    in_main = str(not transport.has_threads)
    code = "%thread threading.current_thread() is threading.main_thread()"
    assert result(await client.execute(code)) == in_main
    assert result(await client.execute("%thread (await where())[1]")) == in_main


async def test_thread_of_a_name_is_the_same(client: ProtocolClient, transport: Transport) -> None:
    name = "mine" if transport.has_threads else "MainThread"
    for _ in range(2):
        assert result(await client.execute("%%thread name=mine\nthreading.current_thread().name")) == repr(name)
    assert name in (await client.execute("%callers")).text()


async def test_names_output_and_value_are_those_of_the_cell(client: ProtocolClient, magic: str) -> None:
    code = f"%%{magic}\nprint('printed')\nasync def f():\n    return 6\ny = await f()\ny * 7"
    done = await client.execute(code)
    assert (done.text(), result(done)) == ("printed\n", "42")
    assert result(await client.execute("y")) == "6"
    assert (await client.execute(f"%%{magic}\ny = 1")).of_type("execute_result") == []


async def test_error_is_that_of_the_cell(client: ProtocolClient, magic: str) -> None:
    done = await client.execute(f"%%{magic}\nx = 1\n1 / 0")
    assert done.content["ename"] == "ZeroDivisionError"
    assert len(done.of_type("error")) == 1
    assert (await client.execute(f"%{magic} 1 +")).content["ename"] == "SyntaxError"


async def test_other_messages_meanwhile_and_interrupt(client: ProtocolClient, magic: str) -> None:
    request = client.start(f"%%{magic}\nprint('sleeps')\nawait anyio.sleep(3600)")
    await client.wait_text(request, "sleeps\n")
    assert result(await client.execute("# task\n'beside'")) == "'beside'"
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
async def test_options_that_cannot_be(client: ProtocolClient, code: str, text: str) -> None:
    done = await client.execute(code)
    assert done.content["status"] == "error"
    assert text in done.text("stderr") + done.content["evalue"]


async def test_one_backend_a_thread(client: ProtocolClient, transport: Transport) -> None:
    await client.execute("%%thread name=t backend=asyncio\n1")
    for first_line in ("%%thread", "# thread"):
        done = await client.execute(f"{first_line} name=t backend=trio\n1")
        refused = "has the backend asyncio" in done.text("stderr") + done.content.get("evalue", "")
        assert refused == transport.has_threads  # without them it is a task, in the only loop there is


async def test_threads_of_a_backend_end(client: ProtocolClient) -> None:
    """A cell's thread without a name goes back to the pool, whatever its backend."""
    await client.execute("before = threading.active_count()")
    for _ in range(20):
        await client.execute("# thread backend=trio\nawait where()")
    assert int(result(await client.execute("threading.active_count() - before"))) < 10


async def test_subshell_lists(client: ProtocolClient) -> None:
    subshell_id = (await client.request("create_subshell_request", channel="control")).content["subshell_id"]
    head, main, *others = (await client.execute("%subshell")).text().splitlines()
    assert head.split() == ["subshell", "cells", "that", "run"]
    assert main.split() == ["*", "(main", "shell)", "1"]
    assert [subshell_id, "0"] in [other.split() for other in others]


async def test_callers_lists(client: ProtocolClient, transport: Transport) -> None:
    head, *rows = (await client.execute("%callers")).text().splitlines()
    assert head.split() == ["name", "backend", "id", "thread", "parent"]
    assert ["Shell", transport.backend] in [row.split()[:2] for row in rows]


async def test_magics_that_are_coroutines_are_awaited(client: ProtocolClient) -> None:
    await client.execute(
        "async def double(line, cell=None):\n    await anyio.sleep(0)\n    print('in', Caller().backend)\n"
        "    return 2 * int(cell or line)\n"
        "get_ipython().register_magic_function(double, 'line_cell')"
    )
    for code in ("%double 21", "%%double\n21", "x = %double 21\nx"):
        done = await client.execute(code)
        assert result(done) == "42"
        assert done.text().startswith("in ")


async def test_a_bare_thread_prints_into_the_cell_that_started_it(client: ProtocolClient, transport: Transport) -> None:
    await client.execute("go_on, said = threading.Event(), threading.Event()")
    first = await client.execute(
        "def say():\n    go_on.wait()\n    print('from a thread')\n    said.set()\nthreading.Thread(target=say).start()"
    )
    if not transport.has_threads:
        assert first.content["ename"] == "RuntimeError"  # Python says so
        return
    assert outputs(await client.execute("go_on.set()\nsaid.wait()\nprint('another cell')")) == [
        ("stdout", "another cell\n")
    ]
    await client.wait_text(first.request, "from a thread\n")
