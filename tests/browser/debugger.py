"""The debugger panel as its user sees it, and what it must do: the same in JupyterLab and in JupyterLite."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from browser.documents import Cell, Notebook

FUNCTIONS = """\
def double(number):
    result = number * 2
    return result

def total(numbers):
    found = 0
    for number in numbers:
        found += double(number)
    return found
"""


class Panel:
    """The debugger of a notebook, driven by the mouse.

    Args:
        notebook: its tab.
    """

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.page = notebook.lab.page
        self.root = self.page.locator("#jp-debugger-sidebar")
        self.bug = notebook.root.locator(".jp-DebuggerBugButton button, button.jp-DebuggerBugButton").first
        self.frames = self.root.locator(".jp-DebuggerCallstackFrame")
        self.breakpoints = self.root.locator(".jp-DebuggerBreakpoint")
        self.highlighted = self.page.locator(".jp-DebuggerEditor-highlight")

    def enable(self) -> None:
        """Press the bug in the notebook's toolbar. The panel opens."""
        self.notebook.activate()
        self.bug.click()
        expect(self.root).to_be_visible()
        expect(self.bug).to_have_attribute("aria-pressed", "true")

    def disable(self) -> None:
        """Press it again."""
        self.notebook.activate()
        self.bug.click()
        expect(self.bug).to_have_attribute("aria-pressed", "false")

    def toggle(self, cell: Cell, line: int) -> None:
        """Click a line's gutter."""
        cell.root.locator(".cm-breakpoint-gutter .cm-gutterElement").nth(line).click()

    def press(self, caption: str) -> None:
        """Press a button above the call stack."""
        self.root.get_by_role("button", name=re.compile(f"^{caption}")).click()

    def stands(self, name: str, line: int, text: str) -> None:
        """Wait until the innermost frame is of a function and a line, whose text is highlighted."""
        expect(self.frames.first.locator(".jp-DebuggerCallstackFrame-name")).to_have_text(name)
        expect(self.frames.first.locator(".jp-DebuggerCallstackFrame-location")).to_have_text(re.compile(f":{line}$"))
        expect(self.highlighted.first).to_have_text(text)

    def goes_on(self) -> None:
        """Wait until nothing is stopped any more."""
        expect(self.frames).to_have_count(0)

    def variable(self, name: str) -> Locator:
        """The line of a variable."""
        label = self.page.get_by_text(name, exact=True)
        return self.root.locator(".jp-TreeItem").filter(has=self.page.locator(".jp-DebuggerVariables-name").and_(label))

    def shows(self, name: str, value: str) -> None:
        """Wait until a variable has a value."""
        expect(self.variable(name).locator(".jp-DebuggerVariables-detail").first).to_have_text(value)

    def evaluate(self, code: str) -> None:
        """Run code in the debug console, which opens."""
        console = self.page.locator(".jp-DebugConsole")
        if console.count() == 0:
            self.press("Evaluate")
        prompt = console.locator(".jp-CodeConsole-promptCell .cm-content")
        prompt.click()
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Shift+Enter")
