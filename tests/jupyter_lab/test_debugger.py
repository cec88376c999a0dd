"""The debugger panel in JupyterLab."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from browser.debugger import Panel, debugs, is_left_in_the_middle_of_a_stop, stops
from playwright.sync_api import expect

if TYPE_CHECKING:
    from browser.lab import Lab


def test_the_panel_by_mouse(lab: Lab) -> None:
    debugs(lab.new_notebook())


def test_what_leaves_a_stop(lab: Lab) -> None:
    is_left_in_the_middle_of_a_stop(lab.new_notebook())


def test_a_refresh_during_a_stop_finds_it(lab: Lab) -> None:
    notebook = lab.new_notebook()
    stops(notebook)
    path = notebook.with_widget("(widget) => widget.context.save().then(() => widget.context.path)")
    lab.open()
    notebook = lab.open_notebook(path)
    panel = Panel(notebook)
    expect(panel.frames).to_have_text([re.compile("^stay"), re.compile("^<module>")])
    lab.page.locator(".jp-DebuggerPausedButton").first.click()  # the panel is closed: the page has begun anew
    panel.goes_on()
    notebook.run("print('works')").shows("works")
