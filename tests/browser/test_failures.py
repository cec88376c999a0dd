"""A start that fails and a worker that dies: the reason in the page, no spinner, and a restart once it is mended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from browser.documents import UNRUN

if TYPE_CHECKING:
    from collections.abc import Callable

    from browser.chromium import OpenLab
    from browser.documents import Notebook
    from browser.lab import Lab
    from browser.servers import Overlay

STATIC = "extensions/async-kernel-lite/static"


def stopped(lab: Lab, reason: str | re.Pattern[str]) -> None:
    """The page says why there is no kernel, and waits for nothing. Closes the message."""
    expect(lab.dialog).to_contain_text("Python (async) has stopped")
    expect(lab.dialog).to_contain_text(reason)
    expect(lab.dialog).to_contain_text("“Restart Kernel” starts the kernel")
    lab.accept("Ok")
    expect(lab.toasts).to_have_count(0)
    lab.workers_are(0)


def idle_without_kernel(notebook: Notebook) -> None:
    expect(notebook.kernel_name).to_have_text("No Kernel")
    expect(notebook.cells.locator(".jp-InputArea-prompt", has_text="*")).to_have_count(0)
    expect(notebook.root.locator(".jp-Spinner:visible")).to_have_count(0)


@pytest.fixture
def broken_lab(serve: Callable[..., str], empty_lab: OpenLab, overlay: Overlay) -> Lab:
    """A page of a site that `overlay` breaks and mends, and that starts without a snapshot: it needs every file."""
    overlay.plugin_settings({"snapshotUrl": "", "preload": False})
    lab = empty_lab(serve(overlay=overlay.folder))
    lab.open()
    return lab


BREAKS = {
    "missing wasm": ("pyodide/pyodide.asm.wasm", None, r"Pyodide's WebAssembly: .*pyodide\.asm\.wasm answered 404"),
    "missing wheel": ("wheels/ipython-*.whl", None, r"the wheel ipython-.*\.whl: .* answered 404"),
    "broken wheel": ("wheels/ipython-*.whl", b"PK\3\4 no wheel", r"ipython-.*\.whl is not the wheel that the site was"),
    "broken list of wheels": ("wheels/manifest.json", b"{", r"manifest\.json is not JSON"),
    "missing library": ("pyodide/python_stdlib.zip", None, r"Python's standard library: .* answered 404"),
    "broken library": ("pyodide/python_stdlib.zip", b"nothing", r"."),
    "missing loader": ("pyodide/pyodide.asm.mjs", None, r"Pyodide: .*pyodide\.asm\.mjs answered 404"),
    "broken wasm": ("pyodide/pyodide.asm.wasm", b"\0asm?", r"WebAssembly .* cannot be used"),
    "missing worker": ("worker.mjs", None, r"The worker script .*worker\.mjs cannot be run"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_damaged_site_says_what_is_wrong_and_starts_once_mended(broken_lab: Lab, overlay: Overlay, name: str) -> None:
    pattern, content, reason = BREAKS[name]
    path = overlay.find(f"{STATIC}/{pattern}")
    if content is None:
        overlay.remove(path)
    else:
        overlay.replace(path, content)
    notebook = broken_lab.new_notebook()
    waiting = notebook.start("'too soon'")
    stopped(broken_lab, re.compile(reason))
    idle_without_kernel(notebook)
    expect(waiting.prompt).to_have_text(UNRUN)
    overlay.restore(path)
    notebook.start_again()
    expect(notebook.run("6 * 7").result).to_have_text("42")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"startScript": "1 / 0"}, "The code in the setting startScript failed: ZeroDivisionError: division by zero"),
        ({"postStartScript": "nothing()"}, "The code in the setting postStartScript failed: NameError"),
        ({"settings": {"no_such_option": 1}}, "no_such_option"),
        ({"packages": ["./files/none-1-py3-none-any.whl"]}, "none-1-py3-none-any.whl answered 404"),
        ({"pyodideUrl": "./nowhere/"}, "nowhere/pyodide.mjs answered 404"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_wrong_settings_are_named(
    serve: Callable[..., str], empty_lab: OpenLab, overlay: Overlay, settings: dict[str, object], reason: str
) -> None:
    overlay.plugin_settings(settings)
    lab = empty_lab(serve(overlay=overlay.folder))
    lab.open()
    notebook = lab.new_notebook()
    stopped(lab, reason)
    idle_without_kernel(notebook)


def test_a_worker_that_closes_itself_is_noticed(lab: Lab) -> None:
    lab.write_notebook("closes.ipynb", ["kept = 1", "import js\nprint('goes')\njs.self.close()", "print('never')", ""])
    notebook = lab.open_notebook("closes.ipynb")
    notebook.run_all()  # JupyterLab sends no cell to a kernel that is dead by then
    cell, behind = notebook.cell(1), notebook.cell(2)
    stopped(lab, "The kernel's worker ended without a word")
    idle_without_kernel(notebook)
    expect(behind.stdout).to_have_count(0)
    cell.shows("goes")
    notebook.start_again()
    expect(notebook.run("'kept' in globals()").result).to_have_text("False")


def test_a_second_kernel_lives_on_when_one_dies(lab: Lab) -> None:
    dying, living = lab.new_notebook(), lab.new_notebook()
    living.run("kept = 1")
    dying.run("1")
    dying.start("import js\njs.self.close()")
    expect(lab.dialog).to_contain_text("has stopped")
    lab.accept("Ok")
    expect(living.run("kept + 1").result).to_have_text("2")
    lab.workers_are(1)
