"""The debugger panel in JupyterLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser.debugger import debugs

if TYPE_CHECKING:
    from browser.lab import Lab


def test_the_panel_by_mouse(lab: Lab) -> None:
    debugs(lab.new_notebook())
