"""The names of cells as files."""

from __future__ import annotations

import ast
import gc
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from async_kernel.debugger._cell_files import HASH_SEED, CellCompiler, CellFiles, murmur2


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 3990065800),
        ("a", 2167009006),
        ("ab", 2805137849),
        ("abc", 3350977461),
        ("abcd", 804720481),
        ("print('ä 😀')\n", 2321699172),
    ],
)
def test_the_hash_is_jupyter_labs(text: str, number: int) -> None:
    assert murmur2(text.encode(), HASH_SEED) == number


def test_cells_are_written_where_they_are_named_and_removed() -> None:
    files = CellFiles()
    name = files.write("x = 1")
    assert name == files.name("x = 1")
    assert name.startswith(files.prefix)
    assert Path(name).read_text() == "x = 1"
    files.remove()
    assert not files.folder.exists()
    files.remove()


def test_a_cell_is_parsed_while_another_thread_parses() -> None:
    code = "x = 0\n" * 200
    ended = False

    def parse() -> None:
        while not ended:
            with suppress(SystemError):
                ast.parse(code)

    def let_other_threads_run(*_: object) -> None:
        time.sleep(0)

    compiler = CellCompiler(CellFiles())
    thread = threading.Thread(target=parse)
    usual = gc.get_threshold()
    gc.callbacks.append(let_other_threads_run)
    gc.set_threshold(1)
    thread.start()
    try:
        for _ in range(20):
            tree = compiler.ast_parse(code)
            assert isinstance(tree, ast.Module)
            assert len(tree.body) == 200
            assert gc.isenabled()
    finally:
        ended = True
        thread.join()
        gc.set_threshold(*usual)
        gc.callbacks.remove(let_other_threads_run)
