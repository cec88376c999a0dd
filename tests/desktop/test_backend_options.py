"""What the main loop is told at its start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from desktop.conftest import UVLOOP
from desktop.kernels import BACKENDS, Flavour, start_kernel
from protocol.client import outputs

if TYPE_CHECKING:
    from pathlib import Path

    from desktop.conftest import RunToEnd


def test_backend_options(tmp_path: Path) -> None:
    with start_kernel(UVLOOP, tmp_path, "--backend_options={'debug': True, 'use_uvloop': False}") as kernel:
        kernel.main.execute("import asyncio\nloop = asyncio.get_running_loop()")
        assert kernel.main.result("loop.get_debug(), isinstance(loop, asyncio.BaseEventLoop)") == "(True, True)"
    options = ["--backend_options={'strict_exception_groups': False}"]
    with start_kernel(Flavour("trio", "tcp"), tmp_path, *options) as kernel:
        code = (
            "import trio\ntry:\n    async with trio.open_nursery() as nursery: raise LookupError\n"
            "except LookupError:\n    print('bare')"
        )
        assert kernel.main.execute(code).text() == "bare\n"


def test_uvloop_is_used_where_it_is_installed(tmp_path: Path) -> None:
    """What cells do on it is tested by the suites that run over it: see `UVLOOP` and `ZMQUvloop`."""
    with start_kernel(UVLOOP, tmp_path) as kernel:
        client = kernel.main
        assert client.result("import asyncio\ntype(asyncio.get_running_loop()).__module__") == "'uvloop'"
        waits = client.start("await asyncio.sleep(0.01)\n'waited'")
        codes = ["asyncio.run", "asyncio.get_event_loop().run_until_complete"] * 10
        nested = [client.start(f"{code}(asyncio.sleep(0.001, {i}))") for i, code in enumerate(codes)]
        assert outputs(client.finish(waits)) == [("execute_result", "'waited'")]
        assert [outputs(client.finish(cell)) for cell in nested] == [[("execute_result", str(i))] for i in range(20)]
        assert outputs(client.execute("!echo of a process")) == [("stdout", "of a process\n")]


def test_cell_waits_only_in_its_own_task(tmp_path: Path) -> None:
    with start_kernel(UVLOOP, tmp_path) as kernel:
        code = "import asyncio\nasync def f(): asyncio.get_event_loop().run_until_complete(asyncio.sleep(0))\n"
        done = kernel.main.execute(code + "await asyncio.create_task(f())")
        assert done.content["ename"] == "RuntimeError"
        assert "a running uvloop.Loop cannot run" in done.content["evalue"]
        assert "await it instead" in done.content["evalue"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_backend_options_that_there_are_not(run_to_end: RunToEnd, tmp_path: Path, backend: str) -> None:
    file = f"--connection_file={tmp_path / 'k.json'}"
    done = run_to_end(file, f"--backend={backend}", "--backend_options={'colour': 1}")
    assert done.returncode != 0
    assert f"Unknown backend_options for {backend}: colour. Allowed are:" in done.stderr
