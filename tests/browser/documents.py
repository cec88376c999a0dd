"""The tabs of a page that have a kernel, and the cells in them."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from playwright.sync_api import expect

from browser.waiting import GUARD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.sync_api import Locator

    from browser.lab import Lab

RAN = re.compile(r"^\[\d+\]:$")
UNRUN = "[ ]:"


class Cell:
    """A cell of a notebook or a console."""

    def __init__(self, root: Locator) -> None:
        self.root = root
        self.editor = root.locator(".jp-InputArea-editor .cm-content")
        self.prompt = root.locator(".jp-InputArea-prompt")
        self.outputs = root.locator(".jp-OutputArea-output")
        self.question = root.locator(".jp-Stdin-prompt")
        self.input_box = root.locator(".jp-Stdin-input")
        self.stdout = root.locator('[data-mime-type="application/vnd.jupyter.stdout"]')
        self.stderr = root.locator('[data-mime-type="application/vnd.jupyter.stderr"]')
        self.error = self.stderr
        self.result = root.locator(".jp-OutputArea-executeResult .jp-OutputArea-output")

    def shows(self, text: str | re.Pattern[str]) -> None:
        """Wait until one of the outputs contains a text."""
        expect(self.outputs.filter(has_text=text).first).to_be_visible()

    def ran(self) -> None:
        """Wait until the cell has run."""
        expect(self.prompt).to_have_text(RAN)

    def answer(self, text: str) -> None:
        """Type into the box of `input`, which must come, and press Enter."""
        self.input_box.fill(text)
        self.input_box.press("Enter")

    @property
    def count(self) -> int:
        """The execution count of the cell, which has run."""
        self.ran()
        return int((self.prompt.text_content() or "").strip("[]:"))

    def printed(self, lines: Iterable[str]) -> None:
        """Wait until the cell has printed these lines to stdout, and no others."""
        expect(self.stdout).to_have_text("\n".join(lines))

    @property
    def lines(self) -> list[str]:
        """The lines that the cell, which prints, has printed to stdout so far."""
        expect(self.stdout).to_contain_text(re.compile(r"\S"))
        # Not the inner text: it is empty where JupyterLab does not render what is out of sight.
        text = self.stdout.text_content() or ""
        return text.splitlines()


class Document:
    """A tab of the main area that has a kernel.

    Args:
        lab: the page.
        widget_id: the id of the tab's element.
    """

    def __init__(self, lab: Lab, widget_id: str) -> None:
        self.lab = lab
        self.id = widget_id
        self.root = lab.page.locator(f'[id="{widget_id}"]')

    def activate(self) -> None:
        """Bring the tab to the front."""
        self.lab.call("(id) => jupyterapp.shell.activateById(id)", self.id)
        expect(self.root).to_be_visible()

    def command(self, command: str, **args: Any) -> None:
        """Execute a command of the menus on this tab, without waiting for its end."""
        self.activate()
        self.lab.command(command, **args)

    def close(self) -> None:
        """Close the tab."""
        self.command("application:close")
        expect(self.root).to_have_count(0)

    def with_widget(self, function: str) -> Any:
        """Call a JavaScript function with JupyterLab's widget of this tab."""
        return self.lab.call(_with_widget(function), self.id)

    def with_kernel(self, function: str) -> Any:
        """Call a JavaScript function with the tab's connection to its kernel, as a widget's code does."""
        return self.with_widget(f"(widget) => ({function})(widget.sessionContext.session.kernel)")

    def open_comm(self, target: str) -> None:
        """Open a comm from the page."""
        self.with_kernel(f"(kernel) => {{ kernel.createComm({json.dumps(target)}).open() }}")

    @property
    def kernel_id(self) -> str:
        """The id of the kernel."""
        return str(self.with_kernel("(kernel) => kernel.id"))

    def has_session(self) -> None:
        """Wait until the tab has its kernel: JupyterLab would ask which one it is to run cells before that."""
        self.with_widget("(widget) => widget.sessionContext.ready")

    def kernel_settles(self, status: str = "idle") -> None:
        """Wait until the kernel has a status."""
        check = f"(widget) => widget.sessionContext.session?.kernel?.status === {json.dumps(status)}"
        self.lab.page.wait_for_function(_with_widget(check), arg=self.id, timeout=GUARD)


def _with_widget(function: str) -> str:
    return f"(id) => ({function})([...jupyterapp.shell.widgets('main')].find((widget) => widget.id === id))"


class Notebook(Document):
    """A notebook's tab."""

    def __init__(self, lab: Lab, widget_id: str) -> None:
        super().__init__(lab, widget_id)
        self.cells = self.root.locator(".jp-Notebook .jp-Cell")
        self.status = self.root.locator(".jp-Notebook-ExecutionIndicator")
        self.kernel_name = self.root.locator(".jp-KernelName")

    def cell(self, index: int) -> Cell:
        return Cell(self.cells.nth(index))

    def run(self, code: str) -> Cell:
        """Type code into the last cell and run it. Waits until it has run."""
        cell = self.start(code)
        cell.ran()
        return cell

    def start(self, code: str) -> Cell:
        """Type code into the last cell and run it."""
        cell = self.type(code)
        self.lab.page.keyboard.press("Shift+Enter")
        return cell

    def type(self, code: str) -> Cell:
        """Type code into the last cell."""
        self.activate()
        cell = self.cell(self.cells.count() - 1)
        cell.editor.click()
        self.lab.page.keyboard.insert_text(code)
        return cell

    def complete(self) -> Locator:
        """Press Tab until the completer shows: JupyterLab drops an answer that takes more than a second."""
        items = self.lab.page.locator(".jp-Completer:visible .jp-Completer-item")

        def asked() -> bool:
            self.lab.page.keyboard.press("Tab")
            with contextlib.suppress(PlaywrightTimeoutError):
                items.first.wait_for(timeout=2000)
            return items.count() > 0

        self.lab.until(asked, "completions")
        return items

    def run_all(self) -> None:
        """Run all cells. Does not wait for them."""
        self.command("notebook:run-all-cells")

    def restart(self, *, run_all: bool = False) -> None:
        """Restart the kernel, as by the menu, and wait until it has started (or `run_all` has set all cells going)."""
        self.command("notebook:restart-run-all" if run_all else "notebook:restart-kernel")
        self.lab.accept("Confirm Kernel Restart")

    def interrupt(self) -> None:
        """Press the toolbar's button that interrupts the kernel."""
        self.activate()
        self.root.get_by_role("button", name="Interrupt the kernel").click()

    def use_kernel_of(self, other: Notebook) -> None:
        """Choose the kernel of another notebook in the dialog behind the kernel's name."""
        self.activate()
        self.kernel_name.click()
        option = self.lab.dialog.locator("option", has_text=f"({other.kernel_id[:8]})")
        self.lab.dialog.locator("select").select_option(value=option.get_attribute("value"))
        self.lab.accept("Select Kernel")

    def start_again(self) -> None:
        """Start a kernel that has ended, by the menu's "Restart Kernel". Waits until it has started."""
        self.command("notebook:restart-kernel")
        self.kernel_settles()

    def shut_down(self) -> None:
        """Shut the kernel down, as by the menu."""
        self.command("notebook:shutdown-kernel")


class Console(Document):
    """A console's tab."""

    def __init__(self, lab: Lab, widget_id: str) -> None:
        super().__init__(lab, widget_id)
        self.cells = self.root.locator(".jp-CodeConsole-content .jp-CodeCell")
        self.prompt_cell = self.root.locator(".jp-CodeConsole-promptCell")

    def run(self, code: str) -> Cell:
        """Type code and run it. Waits until it has run."""
        cell = self.start(code)
        cell.ran()
        return cell

    def start(self, code: str) -> Cell:
        """Type code and run it."""
        self.activate()
        index = self.cells.count()
        self.prompt_cell.locator(".cm-content").click()
        self.lab.page.keyboard.insert_text(code)
        self.lab.page.keyboard.press("Shift+Enter")
        return Cell(self.cells.nth(index))

    def show_all_activity(self) -> None:
        """Show what other clients of the kernel do, too."""
        self.command("console:toggle-show-all-kernel-activity")
