"""The names of cells as files."""

from __future__ import annotations

from pathlib import Path

import pytest
from async_kernel.debugger._cell_files import HASH_SEED, CellFiles, murmur2


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
