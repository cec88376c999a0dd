"""What goes on while a cell computes, where the browser can switch stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from browser.documents import Cell, Notebook

COMPUTES = """\
go_on = False
def let_go(comm, message):
    global go_on
    go_on = True
get_ipython().kernel.comm_manager.register_target('go on', let_go)
print('computing')
n = 0
while not go_on:
    n += 1
print('computed')
"""


@pytest.fixture
def notebook(shared_notebook: Notebook) -> Notebook:
    shared_notebook.activate()
    return shared_notebook


def computing(notebook: Notebook, before: str = "") -> Cell:
    """A cell that computes until a comm is opened."""
    cell = notebook.start(before + COMPUTES)
    cell.shows("computing")
    return cell


def let_go(notebook: Notebook, cell: Cell) -> None:
    expect(cell.prompt).to_have_text("[*]:")
    notebook.open_comm("go on")
    cell.shows("computed")
    cell.ran()


def test_kernel_info_completion_and_inspection(notebook: Notebook) -> None:
    cell = computing(notebook, "text = 'a text'\n")
    info = notebook.with_kernel("(kernel) => kernel.requestKernelInfo().then((reply) => reply.content.implementation)")
    assert info
    keyboard = notebook.lab.page.keyboard
    typed = notebook.type("text.is")
    notebook.complete().filter(has_text="isdecimal").click()
    expect(typed.editor).to_have_text("text.isdecimal")
    keyboard.press("Shift+Tab")
    expect(notebook.lab.page.locator(".jp-Tooltip")).to_contain_text("Return True if the string is a decimal string")
    keyboard.press("Escape")
    let_go(notebook, cell)
    notebook.run("None")


def test_slider(notebook: Notebook) -> None:
    slider = notebook.run(
        "from ipywidgets import IntSlider\n"
        "slider = IntSlider(value=3)\n"
        "slider.observe(lambda change: print('moved to', change.new), names='value')\n"
        "slider"
    )
    cell = computing(notebook)
    slider.root.locator(".noUi-handle").press("ArrowRight")
    slider.shows("moved to 4")
    let_go(notebook, cell)


def test_tasks_timers_and_output(notebook: Notebook) -> None:
    started = notebook.run(
        "import asyncio\n"
        "async def tick():\n"
        "    for n in range(5):\n"
        "        await asyncio.sleep(0.02)\n"
        "        print('tick', n)\n"
        "def tock(): print('tock')\n"
        "def start():\n"
        "    global task\n"
        "    task = asyncio.create_task(tick())\n"
        "    asyncio.get_running_loop().call_later(0.05, tock)\n"
    )
    cell = notebook.start("start()\n" + COMPUTES.replace("n += 1", "n += 1\n    if n % 1000 == 1: print('at', n)"))
    cell.shows("tick 4")
    cell.shows("tock")
    cell.shows("at 2001")
    let_go(notebook, cell)
    expect(started.outputs).to_have_count(0)


def test_a_task_cell_that_computes_lets_the_queue_run(notebook: Notebook) -> None:
    cell = computing(notebook, "# task\n")
    expect(notebook.run("6 * 7").result).to_have_text("42")
    let_go(notebook, cell)


def test_a_sleeping_cell_and_one_that_asks_go_on_in_either_order(notebook: Notebook) -> None:
    for first in ("sleeps", "asks"):
        sleeps = notebook.start(
            "# task\nimport contextvars, time\nname = contextvars.ContextVar('name')\nname.set('sleeper')\n"
            "awake = False\nget_ipython().kernel.comm_manager.register_target('wake', "
            "lambda comm, message: globals().update(awake=True))\nprint('sleeps')\n"
            "while not awake: time.sleep(0.02)\nprint('slept as', name.get())"
        )
        sleeps.shows("sleeps")
        asks = notebook.start("name.set('asker')\nprint('Hello', input('Who? '), 'from', name.get())")
        expect(asks.question).to_be_visible()
        if first == "sleeps":
            notebook.open_comm("wake")
            sleeps.shows("slept as sleeper")
        asks.answer("Ada")
        asks.shows("Hello Ada from asker")
        if first == "asks":
            notebook.open_comm("wake")
            sleeps.shows("slept as sleeper")
        sleeps.ran()
        asks.ran()
        sleeps.printed(["sleeps", "slept as sleeper"])


def test_a_task_waits_for_a_module_that_another_one_imports(notebook: Notebook) -> None:
    notebook.run(
        "%%writefile imported_slowly.py\nimport __main__\nwhile not __main__.second_began:\n    pass\nwhole = True"
    )
    cell = notebook.run(
        "import asyncio\nsecond_began = False\n"
        "async def first():\n    import imported_slowly\n    return imported_slowly.whole\n"
        "async def second():\n    global second_began\n    second_began = True\n"
        "    import imported_slowly\n    return imported_slowly.whole\n"
        "await asyncio.gather(first(), second())"
    )
    expect(cell.result).to_have_text("[True, True]")
