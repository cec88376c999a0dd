"""Lines become Python as IPython makes it of them by what their first word names, whichever are spared its search."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING

import fuzzing
import pytest
from async_kernel.shell._prefilter import CellPrefilter
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.autocall import IPyAutocall
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.macro import Macro
from IPython.core.prefilter import PrefilterChecker, PrefilterManager, PrefilterTransformer
from traitlets.config import Config

if TYPE_CHECKING:
    from collections.abc import Generator

WORDS = ["pass", "print", "mine", "m", "auto", "cd", "ls", "unknown", "mine.real", "ls.x", "print.x", "m.x", "é", "x1"]
RESTS = [
    "",
    " ",
    "(1)",
    " (1)",
    " = 1",
    "=1",
    ", y",
    " y",
    " + 1",
    "?",
    "[0]",
    " is 1",
    ": pass",
    " # PYTHON-MODE",
    "*",
]
STARTS = ["", " ", "%", "/", ","]


@pytest.fixture(scope="module")
def shell() -> Generator[InteractiveShell]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # the shell puts its own there
        made = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
        made.user_ns.update(mine=1, m=Macro("print(1)"), auto=IPyAutocall(), ls=2)
        yield made


@pytest.fixture(scope="module")
def theirs(shell: InteractiveShell) -> PrefilterManager:
    return PrefilterManager(shell=shell, parent=shell)


@pytest.fixture(scope="module")
def ours(shell: InteractiveShell) -> CellPrefilter:
    return CellPrefilter(shell=shell, parent=shell)


@pytest.mark.parametrize("autocall", [0, 1, 2])
def test_any_word(
    shell: InteractiveShell,
    theirs: PrefilterManager,
    ours: CellPrefilter,
    monkeypatch: pytest.MonkeyPatch,
    autocall: int,
) -> None:
    monkeypatch.setattr(shell, "autocall", autocall)
    for line in map("".join, itertools.product(STARTS, WORDS, RESTS)):
        assert ours.prefilter_lines(line) == theirs.prefilter_lines(line)


@fuzzing.fuzz(500)
@given(st.lists(st.sampled_from(WORDS + RESTS + STARTS), max_size=6).map("".join))
def test_any_line(theirs: PrefilterManager, ours: CellPrefilter, line: str) -> None:
    assert ours.prefilter_lines(line) == theirs.prefilter_lines(line)


def test_what_is_ipythons_is_found(ours: CellPrefilter) -> None:
    assert ours.prefilter_lines("cd ..") == "get_ipython().run_line_magic('cd', '..')"
    assert ours.prefilter_lines("m") == "print(1)"
    assert ours.prefilter_lines("auto") == "auto()"
    assert ours.prefilter_lines("ls") == "ls"  # the user's own name


def test_checkers_and_transformers_of_the_user_see_every_line(shell: InteractiveShell) -> None:
    seen = []

    class Sees(PrefilterChecker):
        def check(self, line_info: object) -> None:
            seen.append(line_info)

    class Changes(PrefilterTransformer):
        def transform(self, line: str, _: bool) -> str:
            return line.replace("pass", "print")

    manager = CellPrefilter(shell=shell, parent=shell)
    Sees(shell=shell, prefilter_manager=manager, parent=manager)
    manager.prefilter_lines("pass")
    assert seen
    Changes(shell=shell, prefilter_manager=manager, parent=manager)
    assert manager.prefilter_lines("pass") == "print"
