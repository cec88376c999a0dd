"""Magics and shell commands in cells: awaited where they can be, their output shown, and ended with their cell."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from async_kernel.testing import in_process_client

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from async_kernel.testing import Exchange, KernelClient

SLOW = """
import asyncio
from IPython.core.magic import register_line_magic, register_cell_magic

@register_line_magic
async def slow(line):
    await asyncio.sleep(0)
    return line * 2

@register_cell_magic
async def slowly(line, cell):
    await asyncio.sleep(0)
    return line + cell
"""


@asynccontextmanager
async def started_kernel() -> AsyncGenerator[KernelClient]:
    """A kernel. No fixture: pytest changes sys.stdout between a fixture and its test."""
    async with in_process_client() as client:
        await client.execute(SLOW)
        yield client


def shown(exchange: Exchange) -> str:
    assert exchange.content["status"] == "ok", exchange.content
    return exchange.of_type("execute_result")[0]["content"]["data"]["text/plain"]


@pytest.mark.anyio
class TestMagics:
    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("%slow ab", "'abab'"),
            ("x = %slow ab\nx", "'abab'"),
            ("for _ in range(1):\n    x = %slow ab\nx", "'abab'"),
            ("%%slowly a\nb", "'ab\\n'"),
            ("%alias_magic s slow\n%s c", "'cc'"),
            ("name = 'n'\n%slow {name}", "'nn'"),
        ],
    )
    async def test_coroutine_magics_are_awaited(self, code: str, expected: str):
        async with started_kernel() as client:
            assert shown(await client.execute(code)) == expected

    async def test_a_magic_in_a_function_is_a_plain_call(self):
        async with started_kernel() as client:
            code = "def f():\n    x = %precision 3\n    return x\nf()"
            assert shown(await client.execute(code)) == "'%.3f'"

    async def test_an_unknown_magic_is_a_usage_error(self):
        async with started_kernel() as client:
            exchange = await client.execute("%nothing")
            assert exchange.content["ename"] == "UsageError"
            assert "nothing" in exchange.text("stderr")

    async def test_edit_asks_the_client(self, tmp_path):
        async with started_kernel() as client:
            file = tmp_path / "module.py"
            file.write_text("x = 1\n")
            (payload,) = (await client.execute(f"%edit {file}")).content["payload"]
            assert payload == {"source": "edit_magic", "filename": str(file), "line_number": 0}

    async def test_connect_info_says_how_to_connect(self):
        async with started_kernel() as client:
            assert "CallableInterface" in (await client.execute("%connect_info")).text()

    async def test_pip_runs_in_the_kernel_s_environment(self):
        async with started_kernel() as client:
            assert sys.prefix in (await client.execute("%pip --version")).text()

    async def test_matplotlib_inline_shows_the_figures_of_a_cell(self):
        async with started_kernel() as client:
            exchange = await client.execute("%matplotlib inline\nfrom matplotlib import pyplot\npyplot.plot([1])\nNone")
            assert exchange.content["status"] == "ok", exchange.content
            (figure,) = exchange.of_type("display_data")
            assert "image/png" in figure["content"]["data"]

    async def test_a_gui_without_a_loop_is_a_usage_error(self):
        async with started_kernel() as client:
            exchange = await client.execute("get_ipython().enable_gui('tk')")
            assert "UsageError: this kernel runs no event loop of a GUI, and 'tk' needs its own" in exchange.text(
                "stderr"
            )
            assert (await client.execute("%gui")).content["status"] == "ok"


@pytest.mark.anyio
class TestCommands:
    async def test_output_comes_in_order_with_prints(self):
        async with started_kernel() as client:
            exchange = await client.execute("print('a')\n!echo b; echo c >&2\nprint('d')")
            assert exchange.text() == "a\nb\nc\nd\n"

    async def test_output_is_shown_while_the_command_runs(self, tmp_path):
        async with started_kernel() as client:
            gate = tmp_path / "gate"
            code = f"!echo first; while [ ! -e {gate} ]; do sleep 0.01; done; echo second"
            request = client.message("execute_request", {"code": code})
            client.send(request)
            await client.wait_for(lambda m: m["content"].get("text") == "first\n")
            assert "idle" not in str(client.exchange(request).messages)
            gate.touch()
            assert (await client.wait_idle(request)).text() == "first\nsecond\n"

    async def test_other_messages_are_handled_meanwhile(self, tmp_path):
        async with started_kernel() as client:
            gate = tmp_path / "gate"
            await client.execute(
                "def open_(comm, msg): print('comm')\n"
                "get_ipython().kernel.comm_manager.register_target('target', open_)",
            )
            request = client.message("execute_request", {"code": f"!while [ ! -e {gate} ]; do sleep 0.01; done"})
            client.send(request)
            await client.request("comm_open", {"comm_id": "1", "target_name": "target", "data": {}})
            gate.touch()
            assert (await client.wait_idle(request)).content["status"] == "ok"

    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("x = !echo a; echo b\nlist(x)", "['a', 'b']"),
            ("!exit 3\n_exit_code", "3"),
            ("x = !exit 4\n_exit_code", "4"),
            ("name = 'World'\nx = !echo {name} $name\nx[0]", "'World World'"),
            ("def f():\n    x = !echo inside\n    return x[0]\nf()", "'inside'"),
            ("%%capture captured\n!echo c", None),
            ("!!echo d", "['d']"),
        ],
    )
    async def test_results(self, code: str, expected: str | None):
        async with started_kernel() as client:
            exchange = await client.execute(code)
            if expected is None:
                assert shown(await client.execute("captured.stdout.split()")) == "['c']"
            else:
                assert shown(exchange) == expected

    async def test_an_interrupted_command_is_ended(self, tmp_path):
        async with started_kernel() as client:
            mark = tmp_path / "pid"
            request = client.message("execute_request", {"code": f"!echo $$ > {mark}; echo on; exec sleep 600"})
            client.send(request)
            await client.wait_for(lambda m: m["content"].get("text") == "on\n")
            await client.request("interrupt_request", channel="control")
            assert (await client.wait_idle(request)).content["ename"] == "KeyboardInterrupt"
            exchange = await client.execute(f"import os\nos.kill({mark.read_text()}, 0)")
            assert exchange.content["ename"] == "ProcessLookupError"
