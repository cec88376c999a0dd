"""Cells become Python as IPython makes it of them, whichever are spared its tokenizer."""

from __future__ import annotations

import fuzzing
import pytest
from async_kernel.shell._transformer import CellTransformer
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

PIECES = ["%", "%%", "!", "?", ",", ";", "/", "=", "a", "f(x)", "'", '"""', "#", "\\", "(", ")", ":", "if a"]
PROMPTS = ["In [1]: ", ">>> ", "...: "]
SPACES = [" ", "    ", "\t", "\f", "\n", "\n\n", "\r\n", "\x1c", "\x85", "\u2028"]


def outcome(manager: TransformerManager, cell: str) -> str:
    """The Python of a cell, or that there is none."""
    try:
        code: str = manager.transform_cell(cell)
        compile(code, "cell", "exec")
    except (SyntaxError, ValueError):
        return "no Python"
    return code


@pytest.mark.filterwarnings("ignore:`make_tokens_by_line`")
@fuzzing.fuzz(500)
@given(st.lists(st.sampled_from(PIECES + PROMPTS + SPACES), max_size=12).map("".join))
def test_any_cell(cell: str) -> None:
    assert outcome(CellTransformer(), cell) == outcome(TransformerManager(), cell)


@pytest.mark.parametrize("place", ["cleanup_transforms", "line_transforms"])
def test_line_transforms_of_the_user_see_every_cell(place: str) -> None:
    manager = CellTransformer()
    getattr(manager, place).append(lambda lines: [*lines, "b\n"])
    assert manager.transform_cell("a") == "a\nb\n"


def test_transformers_of_the_user_see_every_cell() -> None:
    found = []

    class Finds:
        @staticmethod
        def find(tokens_by_line: list[list[object]]) -> None:
            found.append(tokens_by_line)

    manager = CellTransformer()
    manager.token_transformers.append(Finds)
    manager.transform_cell("a")
    assert found
