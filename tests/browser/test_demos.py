"""The demo notebooks, run as a visitor does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from browser.documents import Notebook
    from browser.lab import Lab

OUTPUTS = ".jp-OutputArea-output"
WRONG = "[data-mime-type='application/vnd.jupyter.stderr']"
ERROR = "[data-mime-type='application/vnd.jupyter.error']"


def code_cells(notebook: Notebook) -> Locator:
    return notebook.cells.and_(notebook.root.locator(".jp-CodeCell"))


def outputs(notebook: Notebook, code: str) -> Locator:
    """The outputs of the cell with this text in its code."""
    editor = notebook.lab.page.locator(".jp-InputArea-editor", has_text=code)
    return code_cells(notebook).filter(has=editor).locator(OUTPUTS)


def test_the_tour(shared_lab: Lab) -> None:
    tour = shared_lab.open_notebook("tour.ipynb")
    tour.run_all()
    code = code_cells(tour)
    prompts = code.locator(".jp-InputArea-prompt")
    expect(prompts).to_have_text([f"[{i}]:" for i in range(1, code.count() + 1)])
    expect(tour.root.locator(ERROR)).to_have_count(0)
    hello = outputs(tour, "Hello from Python")
    expect(hello).to_have_count(3)
    expect(hello.nth(0)).to_contain_text("Hello from Python 3.14")
    expect(hello.nth(1)).to_have_text("Trouble goes to stderr")
    expect(hello.nth(2)).to_have_text("42")
    expect(outputs(tour, "?Counter")).to_contain_text("List the n most common elements")
    rich = outputs(tour, "display(HTML(")
    expect(rich.locator("b")).to_have_text("HTML")
    expect(rich.locator("th").first).to_have_text("a")
    expect(rich.locator("mjx-container")).to_be_visible()
    expect(outputs(tour, "def star").locator("img")).to_be_visible()
    expect(outputs(tour, "progress = display")).to_have_text("step 5 of 5 ■■■■■")
    expect(outputs(tour, "await asyncio.gather").last).to_have_text("['a', 'b']")
    expect(outputs(tour, "IntSlider").locator(".noUi-handle")).to_be_visible()
    expect(outputs(tour, "squares.csv")).to_contain_text("3,9")
    expect(tour.lab.file("squares.csv")).to_be_visible()
    failing = outputs(tour, "def halve")
    expect(failing).to_contain_text("ZeroDivisionError: division by zero")
    expect(failing).to_contain_text("----> 2")
    expect(tour.root.locator(WRONG)).to_have_count(2)  # what the first cell prints, and the last cell's error


def test_concurrency(shared_lab: Lab) -> None:
    notebook = shared_lab.open_notebook("concurrency.ipynb")
    notebook.run_all()
    notebook.root.get_by_role("button", name="Go on").click()
    code = code_cells(notebook)
    for i in range(code.count()):
        expect(code.nth(i).locator(".jp-InputArea-prompt")).to_have_text(re.compile(r"^\[\d+\]:$"))
    expect(notebook.root.locator(ERROR)).to_have_count(0)

    def shows(text: str, *shown: str) -> None:
        expect(outputs(notebook, text)).to_have_text(shown)

    shows("tick", "\n".join(f"tick {i}" for i in range(1, 11)))
    shows('"this cell"', "this cell 0\nthis cell 1\nthis cell 2")
    shows("by its tag", "'beside the queue, by its tag'")
    expect(outputs(notebook, "cruncher").last).to_have_text("('MainThread', 41666541666750000)")
    expect(notebook.root.locator(WRONG)).to_have_text([re.compile("There are no threads here")] * 3)
    shows("TaskGroup", "quick is done\nmiddle is done\nslow is done", "['slow', 'quick', 'middle']")
    expect(outputs(notebook, "call_using_backend").last).to_contain_text("asyncio, after 0.2 s")
    shows("create_subshell", "begun in the notebook\nnow in the subshell", "'the notebook'")
    expect(outputs(notebook, "%subshell")).to_contain_text("* (main shell)")
    expect(outputs(notebook, "Button").last).to_have_text("Thank you.")
    shows("language.get", "'Python'")
    expect(outputs(notebook, "%callers")).to_contain_text("Shell")
