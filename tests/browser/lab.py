"""A JupyterLite page as its user sees it: launcher, notebooks, consoles, dialogs, the file browser."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import time
from typing import TYPE_CHECKING, Any

from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from playwright.sync_api import Locator, Page, Worker

KERNEL = "Python (async)"
GUARD = 60_000
"""Milliseconds after which something that does not come is a failure: no test relies on it."""
POLL = 50
RAN = re.compile(r"^\[\d+\]:$")
UNRUN = "[ ]:"


class Cell:
    """A cell of a notebook or a console."""

    def __init__(self, root: Locator) -> None:
        self.root = root
        self.editor = root.locator(".jp-InputArea-editor .cm-content")
        self.prompt = root.locator(".jp-InputArea-prompt")
        self.outputs = root.locator(".jp-OutputArea-output")
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

    @property
    def count(self) -> int:
        """The execution count of the cell, which has run."""
        self.ran()
        return int(self.prompt.inner_text().strip("[]:"))

    @property
    def lines(self) -> list[str]:
        """The lines of all that the cell printed to stdout."""
        return "".join(self.stdout.all_inner_texts()).splitlines()


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
        self.lab.page.evaluate("id => jupyterapp.shell.activateById(id)", self.id)
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
        return self.lab.page.evaluate(_with_widget(function), self.id)

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
        self.activate()
        index = self.cells.count()
        self.prompt_cell.locator(".cm-content").click()
        self.lab.page.keyboard.insert_text(code)
        self.lab.page.keyboard.press("Shift+Enter")
        cell = Cell(self.cells.nth(index))
        cell.ran()
        return cell

    def show_all_activity(self) -> None:
        """Show what other clients of the kernel do, too."""
        self.command("console:toggle-show-all-kernel-activity")


class Lab:
    """A page with one of JupyterLite's apps.

    Args:
        page: an empty page.
        url: the address of the site.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.dialog = page.locator(".jp-Dialog")
        self.toasts = page.locator(".Toastify__toast")
        self.files = page.locator(".jp-DirListing-item")

    def open(self, path: str = "lab/index.html") -> None:
        """Open a page of the site and wait until its app has started."""
        self.page.goto(self.url + path)
        self.page.wait_for_function("window.jupyterapp?.started.then(() => true)", timeout=GUARD)

    def command(self, command: str, **args: Any) -> None:
        """Execute a command of the menus, without waiting for its end."""
        self.page.evaluate("([id, args]) => { void jupyterapp.commands.execute(id, args) }", [command, args])

    def do(self, command: str, **args: Any) -> None:
        """Execute a command of the menus and wait for its end."""
        self.page.evaluate(
            "([id, args]) => jupyterapp.commands.execute(id, args).then(() => undefined)", [command, args]
        )

    def launch(self, section: str = "Notebook", kernel: str = KERNEL) -> None:
        """Click a card of the launcher, which must be open."""
        place = self.page.locator(".jp-Launcher-section").filter(has=self.page.get_by_role("heading", name=section))
        place.locator(".jp-LauncherCard").filter(has_text=kernel).click()

    def new_notebook(self, kernel: str = KERNEL) -> Notebook:
        """Open a new notebook by its card in the launcher."""
        if self.page.locator(".jp-Launcher:visible").count() == 0:
            self.do("launcher:create")
        before = self._current()
        self.launch(kernel=kernel)
        return self._opened_notebook(before)

    def new_console(self) -> Console:
        """Open a new console by its card in the launcher."""
        if self.page.locator(".jp-Launcher:visible").count() == 0:
            self.do("launcher:create")
        before = self._current()
        self.launch("Console")
        return self._opened_console(before)

    def console_of(self, document: Document) -> Console:
        """Open a console on the kernel of another document."""
        document.activate()
        path = document.with_widget("(widget) => widget.sessionContext.path")
        self.command("console:create", path=path, kernelPreference={"id": document.kernel_id}, activate=True)
        return self._opened_console(document.id)

    def open_notebook(self, path: str) -> Notebook:
        """Open a notebook file."""
        before = self._current()
        self.command("docmanager:open", path=path)
        return self._opened_notebook(before)

    def write_notebook(self, path: str, cells: Sequence[str], tags: Mapping[int, list[str]] | None = None) -> None:
        """Put a notebook file into the site's storage, as by uploading it. `tags` are of cells by their index."""
        unrun = {"cell_type": "code", "outputs": [], "execution_count": None}
        sources = [
            {**unrun, "id": f"c{i}", "metadata": {"tags": (tags or {}).get(i, [])}, "source": cell}
            for i, cell in enumerate(cells)
        ]
        spec = {"name": "async", "display_name": KERNEL, "language": "python"}
        content = {"cells": sources, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
        self._save(path, {"type": "notebook", "format": "json", "content": content})

    def write_file(self, path: str, text: str) -> None:
        """Put a text file into the site's storage, as by uploading it."""
        self._save(path, {"type": "file", "format": "text", "content": text})

    def read_bytes(self, path: str) -> bytes:
        """The content of a file in the site's storage, as by downloading it."""
        content = self.page.evaluate(
            """path => jupyterapp.serviceManager.contents.get(path, { content: true, format: "base64" })
                .then(({ content, format }) => [content, format])""",
            path,
        )
        return base64.b64decode(content[0]) if content[1] == "base64" else content[0].encode()

    def read_text(self, path: str) -> str:
        return self.read_bytes(path).decode()

    def delete_file(self, path: str) -> None:
        self.page.evaluate("path => jupyterapp.serviceManager.contents.delete(path)", path)

    def file(self, name: str) -> Locator:
        """The line of the file browser with a file's name."""
        return self.files.filter(has=self.page.get_by_text(name, exact=True))

    def make_folder(self, path: str) -> None:
        self._save(path, {"type": "directory"})

    def accept(self, button: str) -> None:
        """Press a button of the open dialog, which then closes."""
        self.dialog.get_by_role("button", name=button).click()
        expect(self.dialog).to_have_count(0)

    @property
    def kernel_workers(self) -> list[Worker]:
        """The web workers in which kernels run."""
        return [worker for worker in self.page.workers if worker.url.endswith("/worker.mjs")]

    def workers_are(self, number: int) -> None:
        """Wait until so many kernels have a worker."""
        self.until(lambda: len(self.kernel_workers) == number, f"{number} kernel workers")

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that Playwright has no wait for."""
        deadline = time.monotonic() + GUARD / 1000
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            self.page.wait_for_timeout(POLL)

    def _save(self, path: str, model: dict[str, Any]) -> None:
        self.page.evaluate(
            "([path, model]) => jupyterapp.serviceManager.contents.save(path, JSON.parse(model)).then(() => undefined)",
            [path, json.dumps({"path": path, "name": path.rsplit("/", maxsplit=1)[-1], **model})],
        )

    def _current(self) -> str | None:
        return self.page.evaluate("jupyterapp.shell.currentWidget?.id ?? null")

    def _opened(self, before: str | None, selector: str) -> str:
        found = self.page.wait_for_function(
            """([before, selector]) => {
                const widget = jupyterapp.shell.currentWidget;
                return widget && widget.id !== before && widget.node.matches(selector) ? widget.id : null;
            }""",
            arg=[before, selector],
            timeout=GUARD,
        )
        return str(found.json_value())

    def _opened_notebook(self, before: str | None) -> Notebook:
        notebook = Notebook(self, self._opened(before, ".jp-NotebookPanel"))
        cells = notebook.with_widget("(widget) => widget.revealed.then(() => widget.content.widgets.length)")
        expect(notebook.cells).to_have_count(cells)  # JupyterLab adds them one after another
        notebook.has_session()
        return notebook

    def _opened_console(self, before: str | None) -> Console:
        console = Console(self, self._opened(before, ".jp-ConsolePanel"))
        expect(console.prompt_cell).to_be_visible()
        console.has_session()
        return console
