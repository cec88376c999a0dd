"""The REPL app, which is a console alone, without JupyterLab around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from browser.documents import Cell

if TYPE_CHECKING:
    from browser.chromium import OpenLab


def test_the_repl_runs_code(empty_lab: OpenLab) -> None:
    lab = empty_lab()
    lab.open("repl/index.html?kernel=async&code=print('from the address')")
    cells = lab.page.locator(".jp-CodeConsole-content .jp-CodeCell")
    expect(Cell(cells.first).stdout).to_have_text("from the address")
    count = cells.count()
    lab.page.locator(".jp-CodeConsole-promptCell .cm-content").click()
    lab.page.keyboard.insert_text("import asyncio\nawait asyncio.sleep(0.01)\n6 * 7")
    lab.page.keyboard.press("Shift+Enter")
    cell = Cell(cells.nth(count))
    cell.ran()
    expect(cell.result).to_have_text("42")
    lab.workers_are(1)
