"""What the main loop is told at its start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from desktop.kernels import BACKENDS, Flavour, start_kernel

if TYPE_CHECKING:
    from pathlib import Path

    from desktop.conftest import RunToEnd


def test_backend_options(tmp_path: Path) -> None:
    with start_kernel(Flavour("asyncio", "tcp"), tmp_path, "--backend_options={'debug': True}") as kernel:
        assert kernel.main.result("import asyncio\nasyncio.get_running_loop().get_debug()") == "True"
    options = ["--backend_options={'strict_exception_groups': False}"]
    with start_kernel(Flavour("trio", "tcp"), tmp_path, *options) as kernel:
        code = (
            "import trio\ntry:\n    async with trio.open_nursery() as nursery: raise LookupError\n"
            "except LookupError:\n    print('bare')"
        )
        assert kernel.main.execute(code).text() == "bare\n"


@pytest.mark.parametrize("backend", BACKENDS)
def test_backend_options_that_there_are_not(run_to_end: RunToEnd, tmp_path: Path, backend: str) -> None:
    file = f"--connection_file={tmp_path / 'k.json'}"
    done = run_to_end(file, f"--backend={backend}", "--backend_options={'colour': 1}")
    assert done.returncode != 0
    assert f"Unknown backend_options for {backend}: colour. Allowed are:" in done.stderr
