"""The demo notebooks, run as a visitor does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from browser.documents import Notebook
    from browser.lab import Lab


@pytest.fixture
def tour(shared_lab: Lab) -> Notebook:
    return shared_lab.open_notebook("tour.ipynb")


def test_the_tour(tour: Notebook) -> None:
    tour.run_all()
    code = tour.cells.and_(tour.root.locator(".jp-CodeCell"))
    prompts = code.locator(".jp-InputArea-prompt")
    expect(prompts).to_have_text([f"[{i}]:" for i in range(1, code.count() + 1)])
    error = tour.root.locator("[data-mime-type='application/vnd.jupyter.error']")
    expect(error).to_have_count(0)

    def cell(text: str):
        return code.filter(has=tour.lab.page.locator(".jp-InputArea-editor", has_text=text))

    outputs = ".jp-OutputArea-output"
    hello = cell("Hello from Python").locator(outputs)
    expect(hello).to_have_count(3)
    expect(hello.nth(0)).to_contain_text("Hello from Python 3.14")
    expect(hello.nth(1)).to_have_text("Trouble goes to stderr")
    expect(hello.nth(2)).to_have_text("42")
    expect(cell("?Counter").locator(outputs)).to_contain_text("List the n most common elements")
    rich = cell("display(HTML(")
    expect(rich.locator(outputs).locator("b")).to_have_text("HTML")
    expect(rich.locator(outputs).locator("th").first).to_have_text("a")
    expect(rich.locator(outputs).locator("mjx-container")).to_be_visible()
    expect(cell("def star").locator(f"{outputs} img")).to_be_visible()
    expect(cell("progress = display").locator(outputs)).to_have_text("step 5 of 5 ■■■■■")
    expect(cell("await asyncio.gather").locator(outputs).last).to_have_text("['a', 'b']")
    expect(cell("IntSlider").locator(f"{outputs} .noUi-handle")).to_be_visible()
    expect(cell("squares.csv").locator(outputs)).to_contain_text("3,9")
    expect(tour.lab.file("squares.csv")).to_be_visible()
    failing = cell("def halve").locator(outputs)
    expect(failing).to_contain_text("ZeroDivisionError: division by zero")
    expect(failing).to_contain_text("----> 2")
    wrong = tour.root.locator("[data-mime-type='application/vnd.jupyter.stderr']")
    expect(wrong).to_have_count(2)  # what the first cell prints, and the last cell's error


def test_concurrency(shared_lab: Lab) -> None:
    notebook = shared_lab.open_notebook("concurrency.ipynb")
    notebook.run_all()
    code = notebook.cells.and_(notebook.root.locator(".jp-CodeCell"))
    notebook.root.get_by_role("button", name="Go on").click()
    prompts = code.locator(".jp-InputArea-prompt")
    expect(prompts).to_have_text([f"[{i}]:" for i in range(1, code.count() + 1)])
    expect(notebook.root.locator("[data-mime-type='application/vnd.jupyter.stderr']")).to_have_count(0)
    outputs = code.nth(0).locator(".jp-OutputArea-output")
    expect(outputs).to_contain_text("tick 2")
    expect(code.nth(1).locator(".jp-OutputArea-output")).to_have_text("this cell 0\nthis cell 1\nthis cell 2")
    expect(code.nth(2).locator(".jp-OutputArea-output").last).to_have_text("['slow', 'quick', 'middle']")
    expect(code.nth(5).locator(".jp-OutputArea-output")).to_have_text("'Python'")
