"""The debugger panel in JupyterLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser.debugger import Panel, debugs

if TYPE_CHECKING:
    from browser.lab import Lab


def test_the_panel_by_mouse(lab: Lab) -> None:
    debugs(lab.new_notebook())


def test_a_refresh_during_a_stop_leaves_a_site_that_works(lab: Lab) -> None:
    notebook = lab.new_notebook()
    panel = Panel(notebook)
    notebook.run("'started'")
    panel.enable()
    cell = notebook.type("def stay():\n    return 1\nstay()")
    panel.toggle(cell, 2)
    lab.page.keyboard.press("Shift+Enter")
    panel.stands("stay", 2, "    return 1")
    lab.open()
    lab.accept("Select")  # a kernel for the notebook that was open
    again = lab.new_notebook()
    assert again.run("6 * 7").count == 1
