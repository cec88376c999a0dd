"""The debugger panel as its user sees it, and what it must do: the same in JupyterLab and in JupyterLite."""

from __future__ import annotations

import json
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
        """Press the bug in the notebook's toolbar, and open the panel if JupyterLab has not."""
        self.notebook.activate()
        self.settles()
        self.bug.click()
        expect(self.bug).to_have_attribute("aria-pressed", "true")
        self.notebook.lab.do("debugger:show-panel")
        expect(self.root).to_be_visible()
        self.settles()

    def disable(self) -> None:
        """Press it again."""
        self.focus()
        self.bug.click()
        expect(self.bug).to_have_attribute("aria-pressed", "false")
        self.settles()

    def focus(self) -> None:
        """Bring the notebook to the front, and wait until the panel shows its state."""
        self.notebook.activate()
        self.settles()

    def settles(self) -> None:
        """Wait until JupyterLab, which asks one thing after the other, has no more to ask of the kernel."""
        self.notebook.with_kernel(
            """async (kernel) => {
                let asked = 0;
                const count = (_, { msg }) => { asked += msg.header.msg_type === "debug_request" };
                kernel.anyMessage.connect(count);
                const request = { type: "request", seq: 0, command: "debugInfo" };
                for (let quiet = 0; quiet < 5; ) {
                    const before = asked;
                    await kernel.requestDebug(request).done;
                    quiet = asked === before + 1 ? quiet + 1 : 0;
                }
                kernel.anyMessage.disconnect(count);
            }"""
        )

    def toggle(self, cell: Cell, line: int) -> None:
        """Click a line's gutter."""
        cell.root.locator(".cm-breakpoint-gutter .cm-gutterElement").nth(line).click()
        self.settles()

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

    def evaluate(self, code: str, shown: str | None = None) -> None:
        """Run code in the debug console, and wait until it shows the value."""
        console = self.page.locator(".jp-DebugConsole")
        if console.count() == 0:
            self.press("Evaluate")
        console.locator(".jp-CodeConsole-promptCell .cm-content").click()
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Shift+Enter")
        cell = console.locator(".jp-CodeConsole-content .jp-CodeCell").last
        expect(cell.locator(".cm-content")).to_have_text(code)
        if shown is not None:
            expect(cell.locator(".jp-OutputArea-output")).to_have_text(shown)

    def pause_on(self, kind: str) -> None:
        """Choose in the menu of exceptions, or choose again to undo it."""
        self.root.locator(".jp-PauseOnExceptions").click()
        self.page.locator(".jp-PauseOnExceptions-menu .lm-Menu-item").filter(has_text=kind).first.click()

    def open_source(self, name: str) -> Locator:
        """Open the source of a module by the list of the kernel's sources. Answers its editor."""
        self.root.locator("input[placeholder='Filter sources']").fill(f"^{name}$")
        self.root.locator(".jp-DebuggerKernelSource-source").filter(has_text=name).first.click()
        return self.page.locator(".lm-DockPanel-widget:visible .jp-CodeMirrorEditor").last


def stops(notebook: Notebook) -> Cell:
    """Run a cell that stops in a function, in a notebook whose debugger is enabled for it."""
    panel = Panel(notebook)
    notebook.run("'started'")
    panel.enable()
    cell = notebook.type("def stay():\n    return 1\nprint('left', stay())")
    panel.toggle(cell, 2)
    notebook.lab.page.keyboard.press("Shift+Enter")
    panel.stands("stay", 2, "    return 1")
    return cell


def is_left_in_the_middle_of_a_stop(notebook: Notebook) -> None:
    """By the stop button, by disabling the debugger, and by a restart."""
    panel = Panel(notebook)
    functions = stops(notebook)
    notebook.interrupt()
    panel.goes_on()
    expect(functions.root.locator(".jp-OutputArea-output")).to_contain_text("KeyboardInterrupt")
    cell = notebook.start("print('once more', stay())")
    panel.stands("stay", 2, "    return 1")
    panel.disable()
    cell.shows("once more 1")
    panel.enable()
    panel.toggle(functions, 2)
    notebook.start("stay()")
    panel.stands("stay", 2, "    return 1")
    notebook.restart()
    panel.goes_on()
    notebook.run("print('works', 6 * 7)").shows("works 42")


def debugs(notebook: Notebook) -> None:
    """The whole way through the panel: breakpoints, steps, variables, conditions, exceptions, a module."""
    panel = Panel(notebook)
    functions = notebook.run(FUNCTIONS)
    panel.enable()
    panel.toggle(functions, 3)
    expect(panel.breakpoints).to_have_count(1)
    cell = notebook.start("answer = total([1, 20])\nprint('the answer is', answer)")
    panel.stands("double", 3, "    return result")
    expect(panel.frames).to_have_count(3)
    panel.shows("number", "1")
    panel.shows("result", "2")
    panel.press("Step Out")
    panel.stands("total", 8, "        found += double(number)")
    panel.press("Next")
    panel.stands("total", 7, "    for number in numbers:")
    panel.shows("found", "2")
    panel.press("Next")
    panel.stands("total", 8, "        found += double(number)")
    panel.press("Step In")
    panel.stands("double", 2, "    result = number * 2")
    panel.evaluate("number = 100")
    panel.evaluate("number + 1", "101")
    panel.press("Continue")
    panel.stands("double", 3, "    return result")
    panel.shows("result", "200")
    panel.press("Continue")
    panel.goes_on()
    cell.shows("the answer is 202")
    _stops_on_a_condition(panel, functions)
    _stops_on_an_exception(panel)
    _stops_in_a_module(panel)
    panel.disable()
    notebook.run("print(total([3]))").shows("6")


def _stops_on_a_condition(panel: Panel, functions: Cell) -> None:
    """JupyterLab has no box for a condition: other clients do, and the panel shows where it stops."""
    panel.focus()
    panel.toggle(functions, 3)
    expect(panel.breakpoints).to_have_count(0)
    request = {"breakpoints": [{"line": 3, "condition": "number == 5"}]}
    panel.notebook.with_kernel(
        f"""async (kernel) => {{
            const ask = async (command, args) => {{
                const future = kernel.requestDebug({{ type: "request", seq: 0, command, arguments: args }});
                return (await future.done).content.body;
            }};
            const {{ sourcePath }} = await ask("dumpCell", {{ code: {json.dumps(FUNCTIONS)} }});
            await ask("setBreakpoints", {{ ...{json.dumps(request)}, source: {{ path: sourcePath }} }});
        }}"""
    )
    cell = panel.notebook.start("print('in total', total([4, 5, 6]))")
    panel.stands("double", 3, "    return result")
    panel.shows("number", "5")
    panel.press("Continue")
    panel.goes_on()
    cell.shows("in total 30")


def _stops_on_an_exception(panel: Panel) -> None:
    panel.pause_on("raised")
    cell = panel.notebook.start("try:\n    double(None)\nexcept TypeError:\n    print('handled')")
    panel.stands("double", 2, "    result = number * 2")
    panel.shows("number", "NoneType")
    panel.pause_on("raised")
    panel.press("Continue")
    panel.goes_on()
    cell.shows("handled")


def _stops_in_a_module(panel: Panel) -> None:
    text = "def scale(value):\n    factor = 3\n    return value * factor\n"
    panel.notebook.run(f"from pathlib import Path\nPath('scales.py').write_text({text!r})\nimport scales")
    editor = panel.open_source("scales")
    expect(editor.locator(".cm-content")).to_contain_text("factor = 3")
    editor.locator(".cm-breakpoint-gutter .cm-gutterElement").nth(3).click()
    expect(panel.breakpoints).to_have_count(2)
    panel.focus()
    cell = panel.notebook.start("print('scaled', scales.scale(14))")
    expect(panel.frames).to_have_count(2)
    expect(panel.frames.first).to_contain_text("scale")
    panel.shows("factor", "3")
    panel.press("Continue")
    panel.goes_on()
    panel.focus()  # the module's source came to the front
    cell.shows("scaled 42")
