"""Cells of a notebook in JupyterLab: what they show, what stops them, what is answered while they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from browser.documents import Notebook


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


def test_completions_while_a_cell_sleeps(notebook: Notebook) -> None:
    sleeping = notebook.start("import time\ntext = 'a text'\nprint('begins')\ntime.sleep(20)\nprint('slept')")
    sleeping.shows("begins")
    cell = notebook.type("text.is")
    notebook.complete().filter(has_text="isdecimal").click()
    expect(cell.editor).to_have_text("text.isdecimal")
    expect(sleeping.prompt).to_have_text("[*]:")
    notebook.interrupt()
    expect(sleeping.error).to_contain_text("KeyboardInterrupt")
    notebook.lab.page.keyboard.press("Shift+Enter")
    cell.shows("isdecimal")
    sleeping.printed(["begins"])


@pytest.mark.parametrize("code", ["while True:\n    pass", "import anyio\nawait anyio.sleep_forever()"])
def test_the_interrupt_button_stops_a_cell(notebook: Notebook, code: str) -> None:
    cell = notebook.start(f"print('begins')\n{code}")
    cell.shows("begins")
    notebook.interrupt()
    cell.ran()
    expect(cell.error).to_contain_text("KeyboardInterrupt")
    expect(notebook.run("'works'").result).to_have_text("'works'")


def test_cells_behind_an_interrupted_one_are_not_run(notebook: Notebook) -> None:
    cell = notebook.start("print('begins')\nwhile True:\n    pass")
    behind = notebook.start("print('never')")
    cell.shows("begins")
    notebook.interrupt()
    expect(cell.error).to_contain_text("KeyboardInterrupt")
    expect(behind.prompt).to_have_text("[ ]:")
    expect(behind.outputs).to_have_count(0)


def test_input(notebook: Notebook) -> None:
    cell = notebook.start("name = input('Who? ')\nprint('Hello', name)")
    box = cell.root.locator(".jp-Stdin-input")
    expect(cell.root.locator(".jp-Stdin-prompt")).to_have_text("Who? ")
    box.fill("Grace 😀")
    box.press("Enter")
    cell.shows("Hello Grace 😀")


def test_an_unanswered_question_is_interrupted(notebook: Notebook) -> None:
    cell = notebook.start("input('Who? ')")
    expect(cell.root.locator(".jp-Stdin-input")).to_be_visible()
    notebook.interrupt()
    expect(cell.error).to_contain_text("KeyboardInterrupt")
    expect(notebook.run("'works'").result).to_have_text("'works'")


def test_restart_clears_the_names_and_the_count(notebook: Notebook) -> None:
    notebook.run("kept = 1")
    notebook.restart()
    cell = notebook.run("kept")
    expect(cell.error).to_contain_text("NameError: name 'kept' is not defined")
    assert cell.count == 1


def test_a_busy_kernel_can_be_restarted(notebook: Notebook) -> None:
    busy = notebook.start("print('begins')\nwhile True:\n    pass")
    busy.shows("begins")
    notebook.restart()
    expect(notebook.run("'back'").result).to_have_text("'back'")
    expect(busy.prompt).to_have_text("[ ]:")
