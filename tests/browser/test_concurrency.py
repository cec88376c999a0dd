"""What goes on while a cell runs, and what happens to the cells behind one that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from browser.documents import UNRUN

if TYPE_CHECKING:
    from browser.documents import Notebook
    from browser.lab import Lab

WAITS = """\
import asyncio
done = asyncio.Event()
get_ipython().kernel.comm_manager.register_target('go on', lambda comm, message: done.set())
text = 'a text'
print('waiting')
while not done.is_set():
    await asyncio.sleep(2)
print('waited')
"""
"""A cell that waits for a comm, two seconds at a time."""


@pytest.fixture
def notebook(shared_notebook: Notebook) -> Notebook:
    shared_notebook.activate()
    return shared_notebook


def test_completion_inspection_and_comms_while_a_cell_waits(notebook: Notebook) -> None:
    waiting = notebook.start(WAITS)
    waiting.shows("waiting")
    keyboard = notebook.lab.page.keyboard
    cell = notebook.type("'𝄞'; text.is")
    item = notebook.complete().filter(has_text="isdecimal")
    expect(item).to_contain_text("function")
    item.click()
    expect(cell.editor).to_have_text("'𝄞'; text.isdecimal")
    keyboard.press("Shift+Tab")
    tooltip = notebook.lab.page.locator(".jp-Tooltip")
    expect(tooltip).to_contain_text("Return True if the string is a decimal string")
    keyboard.press("Escape")
    expect(waiting.prompt).to_have_text("[*]:")
    notebook.open_comm("go on")
    waiting.ran()
    waiting.shows("waited")
    expect(notebook.run("()").result).to_have_text("False")


def test_messages_reach_the_kernel_without_the_pause_of_jupyterlites_sockets(lab: Lab) -> None:
    notebook = lab.new_notebook()
    notebook.run("'started'")
    lab.call("""() => {
        const { setTimeout } = window;
        window.setTimeout = (f, ms, ...args) => (ms === 4 ? 0 : setTimeout(f, ms, ...args));
    }""")  # mock-socket's delay: what waits for it waits for ever
    expect(notebook.run("6 * 7").result).to_have_text("42")
    expect(notebook.run("7 * 7").result).to_have_text("49")


def test_one_notebook_runs_while_the_kernel_of_another_computes(lab: Lab) -> None:
    busy, free = lab.new_notebook(), lab.new_notebook()
    busy.start("print('begins')\nwhile True:\n    pass").shows("begins")
    expect(free.run("6 * 7").result).to_have_text("42")


def test_cells_behind_one_that_fails_are_not_run(shared_lab: Lab) -> None:
    shared_lab.write_notebook("abort.ipynb", ["print('first')", "1 / 0", "print('never')", "print('neither')"])
    notebook = shared_lab.open_notebook("abort.ipynb")
    notebook.run_all()
    expect(notebook.cell(1).error).to_contain_text("ZeroDivisionError")
    notebook.kernel_settles()
    expect(notebook.cells.locator(".jp-InputArea-prompt")).to_have_text(["[1]:", "[2]:", UNRUN, UNRUN])
    for index in (2, 3):
        expect(notebook.cell(index).outputs).to_have_count(0)
    # what is run afterwards is run
    assert notebook.run("print('again')").count == 3


def test_cells_entered_one_by_one_behind_one_that_fails_are_not_run(notebook: Notebook) -> None:
    failing = notebook.start(WAITS + "1 / 0")
    failing.shows("waiting")
    behind = [notebook.start(f"print('behind', {i})") for i in range(3)]
    expect(behind[2].prompt).to_have_text("[*]:")
    notebook.open_comm("go on")
    expect(failing.error).to_contain_text("ZeroDivisionError")
    for cell in behind:
        expect(cell.prompt).to_have_text(UNRUN)
        expect(cell.outputs).to_have_count(0)
    assert notebook.run("print('again')").count == failing.count + 1


def test_a_tagged_cell_that_fails_stops_nothing(shared_lab: Lab) -> None:
    shared_lab.write_notebook("tagged.ipynb", ["1 / 0", "print('runs')"], tags={0: ["raises-exception"]})
    notebook = shared_lab.open_notebook("tagged.ipynb")
    notebook.run_all()
    notebook.cell(1).shows("runs")
    expect(notebook.cell(0).error).to_contain_text("ZeroDivisionError")


def test_a_task_prints_into_the_cell_that_started_it(notebook: Notebook) -> None:
    started = notebook.run(
        "import asyncio\n"
        "ticking = True\n"
        "async def tick():\n"
        "    n = 0\n"
        "    while ticking:\n"
        "        n += 1\n"
        "        print(f'tick {n}.')\n"
        "        await asyncio.sleep(0.05)\n"
        "    print('ticked')\n"
        "task = asyncio.create_task(tick())"
    )
    ticks = len(started.lines)
    started.shows(f"tick {ticks + 3}.")  # after its end
    other = notebook.start(WAITS)
    other.shows("waiting")
    ticks = len(started.lines)
    started.shows(f"tick {ticks + 3}.")  # while another runs
    notebook.open_comm("go on")
    other.ran()
    expect(other.outputs).to_have_count(1)
    other.printed(["waiting", "waited"])
    stop = notebook.run("ticking = False\nawait task\nprint('stopped')")
    stop.printed(["stopped"])
    started.shows("ticked")
    *ticks_printed, end = started.lines
    assert end == "ticked"
    assert ticks_printed == [f"tick {n}." for n in range(1, len(ticks_printed) + 1)]


def test_input(notebook: Notebook) -> None:
    cell = notebook.start("name = input('Who? ')\nprint('Hello', name)")
    box = cell.root.locator(".jp-Stdin-input")
    expect(cell.root.locator(".jp-Stdin-prompt")).to_have_text("Who? ")
    box.fill("Grace 😀")
    box.press("Enter")
    cell.shows("Hello Grace 😀")
