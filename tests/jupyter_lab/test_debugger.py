"""The debugger panel in JupyterLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser.debugger import FUNCTIONS, Panel

if TYPE_CHECKING:
    from browser.documents import Notebook


def test_x(notebook: Notebook) -> None:
    panel = Panel(notebook)
    functions = notebook.run(FUNCTIONS)
    panel.enable()
    panel.toggle(functions, 3)
    notebook.lab.page.screenshot(path="/tmp/dbg/s1.png")
    cell = notebook.start("answer = total([1, 20])\nprint(answer)")
    notebook.lab.page.wait_for_timeout(3000)
    notebook.lab.page.screenshot(path="/tmp/dbg/s2.png")
    open("/tmp/dbg/s2.html","w").write(notebook.lab.page.content())
    panel.stands("double", 3, "    return result")
    panel.press("Step Out")
    panel.stands("total", 8, "        found += double(number)")
    notebook.lab.page.screenshot(path="/tmp/dbg/s3.png")
