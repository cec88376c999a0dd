"""Cells of a notebook in JupyterLab: what they show, what stops them, what is answered while they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from browser.documents import Notebook


@pytest.fixture
def notebook(shared_notebook: Notebook) -> Notebook:
    shared_notebook.activate()
    return shared_notebook


def test_outputs(notebook: Notebook) -> None:
    cell = notebook.run(
        "import sys\n"
        "from IPython.display import HTML\n"
        "print('printed')\n"
        "print('to stderr', file=sys.stderr)\n"
        "display(HTML('<b>bold</b>'))\n"
        "6 * 7"
    )
    expect(cell.outputs).to_have_text(["printed", "to stderr", "bold", "42"])
    expect(cell.outputs.locator("b")).to_have_text("bold")
    expect(cell.result).to_have_text("42")


def test_error(notebook: Notebook) -> None:
    cell = notebook.run("def divide(x):\n    return x / 0\ndivide(1)")
    expect(cell.error).to_contain_text("ZeroDivisionError: division by zero")
    expect(cell.error).to_contain_text("----> 2     return x / 0")
