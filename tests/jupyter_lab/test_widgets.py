"""Widgets in JupyterLab, which sends their messages on subshells, and plots from their callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from browser.documents import Notebook
    from playwright.sync_api import Locator

FIGURES = 50
DRAW = """\
import anyio
import matplotlib.pyplot as plt
%matplotlib inline
from ipywidgets import Button, Output
drawn = 0
def draw(_):
    global drawn
    drawn += 1
    print('draws', drawn)
    figure, axes = plt.subplots(figsize=(0.5, 0.5), dpi=40)
    axes.plot([0, drawn], [drawn, 0])
    plt.show()
button = Button(description='Draw')
"""


def press(button: Locator, times: int) -> None:
    """Press a button many times in a row, faster than a hand can."""
    expect(button).to_be_visible()
    button.evaluate("(button, times) => { for (let i = 0; i < times; i++) button.click() }", times)


def has_drawn(area: Locator, lines: list[str]) -> None:
    """Wait until there are these lines, one figure after each, and nothing else. No two figures are the same."""
    outputs = area.locator(".jp-OutputArea-output")
    texts = [text for line in lines for text in (line, "")]
    expect(outputs).to_have_text(texts)
    images = area.locator("img")
    expect(images).to_have_count(len(lines))
    assert len(set(images.evaluate_all("images => images.map((image) => image.src)"))) == len(lines)


def test_a_slider_moved_with_the_keyboard_runs_its_callback(notebook: Notebook) -> None:
    cell = notebook.run(
        "from ipywidgets import IntSlider\n"
        "slider = IntSlider(value=3, max=20)\n"
        "slider.observe(lambda change: print(change.old, '->', change.new), names='value')\n"
        "slider"
    )
    handle = cell.root.locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    cell.printed(["3 -> 4"])
    handle.press("ArrowLeft")
    cell.printed(["3 -> 4", "4 -> 3"])
    handle.press("End")
    cell.shows("-> 20")
    expect(notebook.run("slider.value").result).to_have_text("20")
    notebook.run("slider.value = 7")
    expect(cell.root.locator(".widget-readout")).to_have_text("7")


def test_messages_of_widgets_come_on_subshells(notebook: Notebook) -> None:
    """JupyterLab's default for kernels that have subshells: what the other tests of this module rely on."""
    assert notebook.with_kernel("(kernel) => kernel.info.then(() => kernel.supportsSubshells)")
    assert notebook.with_kernel("(kernel) => kernel.commsOverSubshells") == "perCommTarget"
    notebook.run("from ipywidgets import Button\nButton()")
    notebook.run("import anyio\nwhile not get_ipython().kernel.subshells:\n    await anyio.sleep(0.01)")


@pytest.mark.parametrize(
    ("start", "wait"),
    [("import anyio", "await anyio.sleep(0.01)"), ("# thread\nimport time", "time.sleep(0.01)")],
    ids=["await", "thread"],
)
def test_a_callback_answers_while_a_cell_runs(notebook: Notebook, start: str, wait: str) -> None:
    shown = notebook.run(
        "from ipywidgets import Button\n"
        "pressed = 0\n"
        "def count(_):\n"
        "    global pressed\n"
        "    pressed += 1\n"
        "    button.description = f'pressed {pressed}'\n"
        "button = Button(description='press')\n"
        "button.on_click(count)\n"
        "button"
    )
    running = notebook.start(f"{start}\nwhile pressed < 3:\n    {wait}\nprint('end')")
    for label in ("press", "pressed 1", "pressed 2"):
        expect(running.prompt).to_have_text("[*]:")
        shown.root.get_by_role("button", name=label, exact=True).click()
    running.ran()
    running.printed(["end"])


def test_callbacks_of_a_cell_that_blocks_run_after_it(notebook: Notebook) -> None:
    shown = notebook.run(
        "from ipywidgets import Button\n"
        "button = Button(description='press')\n"
        "presses = 0\n"
        "def count(_):\n"
        "    global presses\n"
        "    presses += 1\n"
        "    print('press', presses)\n"
        "button.on_click(count)\n"
        "button"
    )
    blocking = notebook.start("import time\nprint('begins')\nwhile True:\n    time.sleep(0.01)")
    blocking.shows("begins")
    press(shown.root.get_by_role("button", name="press"), 3)
    notebook.interrupt()
    expect(blocking.error).to_contain_text("KeyboardInterrupt")
    shown.printed([f"press {i}" for i in range(1, 4)])


def test_callbacks_draw_into_an_output_widget_while_a_cell_runs(notebook: Notebook) -> None:
    notebook.run(DRAW + "out = Output()\nbutton.on_click(out.capture()(draw))")
    shown = notebook.run("display(button, out)")
    running = notebook.start(f"while drawn < {FIGURES}:\n    await anyio.sleep(0.01)\nprint('end')")
    press(shown.root.get_by_role("button", name="Draw"), FIGURES)
    running.ran()
    running.printed(["end"])
    has_drawn(shown.root.locator(".jp-OutputArea-output .jp-OutputArea"), [f"draws {i}" for i in range(1, FIGURES + 1)])


def test_callbacks_draw_into_their_cell_while_another_runs(notebook: Notebook) -> None:
    made = notebook.run(DRAW + "button.on_click(draw)\nprint('made')")
    shown = notebook.run("button")
    running = notebook.start(f"while drawn < {FIGURES}:\n    await anyio.sleep(0.01)\nprint('end')")
    press(shown.root.get_by_role("button", name="Draw"), FIGURES)
    running.ran()
    running.printed(["end"])
    expect(shown.outputs).to_have_count(1)
    made.root.get_by_text("Show more outputs").click()
    first, *others = [f"draws {i}" for i in range(1, FIGURES + 1)]
    has_drawn(made.root, [f"made\n{first}", *others])


def test_an_interactive_figure_answers_the_mouse(notebook: Notebook) -> None:
    cell = notebook.run(
        "%matplotlib ipympl\n"
        "import matplotlib.pyplot as plt\n"
        "figure, axes = plt.subplots()\n"
        "axes.plot([0, 1], [0, 1])\n"
        "figure.canvas.mpl_connect('button_press_event', lambda event: print('pressed', event.inaxes is axes))\n"
        "plt.show()"
    )
    canvas = cell.root.locator(".jupyter-matplotlib-canvas-div canvas").last
    canvas.click()
    cell.printed(["pressed True"])
