"""The debugger panel in JupyterLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser.debugger import debugs, is_left_in_the_middle_of_a_stop, stops

if TYPE_CHECKING:
    from browser.lab import Lab


def test_the_panel_by_mouse(lab: Lab) -> None:
    debugs(lab.new_notebook())


def test_what_leaves_a_stop(lab: Lab) -> None:
    is_left_in_the_middle_of_a_stop(lab.new_notebook())


def test_a_refresh_during_a_stop_leaves_a_site_that_works(lab: Lab) -> None:
    stops(lab.new_notebook())
    lab.open()
    lab.accept("Select")  # a kernel for the notebook that was open
    again = lab.new_notebook()
    assert again.run("6 * 7").count == 1
