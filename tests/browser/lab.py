"""A page of JupyterLab or JupyterLite as its user sees it: launcher, tabs, dialogs, the file browser."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from browser.documents import Console, Notebook
from browser.waiting import GUARD, POLL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from playwright.sync_api import Locator, Page, Worker

    from browser.documents import Document

KERNEL = "Python (async)"


class Lab:
    """A page with one of JupyterLab's or JupyterLite's apps.

    Args:
        page: an empty page.
        url: the address of the site or server.
        home: the lab app below it.
    """

    def __init__(self, page: Page, url: str, home: str) -> None:
        self.page = page
        self.url = url
        self.home = home
        self.dialog = page.locator(".jp-Dialog")
        self.toasts = page.locator(".Toastify__toast")
        self.files = page.locator(".jp-DirListing-item")

    def open(self, path: str | None = None) -> None:
        """Open a page of the site, the lab app unless another is given, and wait until its app has started."""
        self.page.goto(self.url + (path or self.home))
        self.page.wait_for_function("window.jupyterapp?.started.then(() => true)", timeout=GUARD)

    def call(self, function: str, *args: Any) -> Any:
        """Call a JavaScript function in the page. What it promises must come."""
        return self.page.evaluate(
            """([text, args, guard]) => Promise.race([
                (0, eval)(text)(...args),
                new Promise((_, reject) => setTimeout(() => reject(new Error("waited in vain for " + text)), guard)),
            ])""",
            [function, args, GUARD],
        )

    def command(self, command: str, **args: Any) -> None:
        """Execute a command of the menus, without waiting for its end."""
        self.call("(id, args) => { void jupyterapp.commands.execute(id, args) }", command, args)

    def do(self, command: str, **args: Any) -> None:
        """Execute a command of the menus and wait for its end."""
        self.call("(id, args) => jupyterapp.commands.execute(id, args).then(() => undefined)", command, args)

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
        """Put a notebook file where the file browser shows it, as by uploading it. `tags` are of cells by index."""
        unrun = {"cell_type": "code", "outputs": [], "execution_count": None}
        sources = [
            {**unrun, "id": f"c{i}", "metadata": {"tags": (tags or {}).get(i, [])}, "source": cell}
            for i, cell in enumerate(cells)
        ]
        spec = {"name": "async", "display_name": KERNEL, "language": "python"}
        content = {"cells": sources, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
        self._save(path, {"type": "notebook", "format": "json", "content": content})

    def write_file(self, path: str, text: str) -> None:
        """Put a text file where the file browser shows it, as by uploading it."""
        self._save(path, {"type": "file", "format": "text", "content": text})

    def read_bytes(self, path: str) -> bytes:
        """The content of a file of the file browser, as by downloading it."""
        content, form = self.call(
            """(path) => jupyterapp.serviceManager.contents.get(path, { content: true, format: "base64" })
                .then(({ content, format }) => [content, format])""",
            path,
        )
        return base64.b64decode(content) if form == "base64" else content.encode()

    def read_text(self, path: str) -> str:
        return self.read_bytes(path).decode()

    def delete_file(self, path: str) -> None:
        self.call("(path) => jupyterapp.serviceManager.contents.delete(path)", path)

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
        """The web workers in which JupyterLite's kernels run."""
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
        self.call(
            "(path, model) => jupyterapp.serviceManager.contents.save(path, model).then(() => undefined)",
            path,
            {"path": path, "name": path.rsplit("/", maxsplit=1)[-1], **model},
        )

    def _current(self) -> str | None:
        return self.call("() => jupyterapp.shell.currentWidget?.id ?? null")

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
