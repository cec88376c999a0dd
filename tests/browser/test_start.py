"""The start: its progress, the settings that shape it, and what the log console tells of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Route

    from browser.chromium import OpenLab
    from browser.lab import Lab
    from browser.servers import Overlay


def test_a_slow_start_shows_its_progress_until_it_is_over(lab: Lab) -> None:
    held: list[Route] = []
    lab.page.context.route("**/pyodide.asm.wasm", lambda route: held.append(route))  # noqa: PLW0108  # Playwright takes no built-ins
    notebook = lab.new_notebook()
    expect(lab.toasts).to_contain_text(re.compile(r"Starting Python \(async\): .*\d\.\d of \d+\.\d MB"))
    expect(notebook.status).not_to_have_attribute("data-status", "idle")
    assert held
    for route in held:
        route.continue_()
    lab.page.context.unroute("**/pyodide.asm.wasm")
    expect(notebook.run("6 * 7").result).to_have_text("42")
    expect(lab.toasts).to_have_count(0)


def test_settings(serve: Callable[..., str], empty_lab: OpenLab, overlay: Overlay) -> None:
    wheel = overlay.find("extensions/async-kernel-lite/static/wheels/micropip-*.whl")
    overlay.plugin_settings(
        {
            "name": "mine",
            "display_name": "My own Python",
            "icon": "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='7' height='7'/>",
            "packages": ["ipywidgets", wheel],
            "startScript": "import os\nos.environ['STARTED'] = 'before'\nimport comm\ncomm.marked = 'by startScript'",
            "postStartScript": "from IPython import get_ipython\nget_ipython().user_ns['marked'] = comm.marked",
            "settings": {"AsyncInteractiveShell.ast_node_interactivity": "all"},
            "loadPyodideOptions": {"env": {"GREETING": "hello from the settings", "HOME": "/home/pyodide"}},
            "no_such": 1,
        },
        defaultKernelName="mine",
    )
    lab = empty_lab(serve(overlay=overlay.folder))
    warnings: list[str] = []
    lab.page.on("console", lambda message: warnings.append(message.text))
    lab.open()
    assert any("there is no setting no_such" in text for text in warnings)
    notebook = lab.new_notebook("My own Python")
    expect(notebook.kernel_name).to_have_text("My own Python")
    cell = notebook.run("import os\nos.environ['STARTED'], os.environ['GREETING']\nmarked")
    expect(cell.outputs).to_have_text(["('before', 'hello from the settings')", "'by startScript'"])
    expect(notebook.run("import micropip, ipywidgets\n'both are there'").result).to_have_text("'both are there'")


def test_the_log_console_has_what_the_kernel_logs(
    serve: Callable[..., str], empty_lab: OpenLab, overlay: Overlay
) -> None:
    overlay.plugin_settings({"startScript": "import sys\nprint('said by startScript', file=sys.stderr)"})
    lab = empty_lab(serve(overlay=overlay.folder))
    lab.open()
    notebook = lab.new_notebook()
    cell = notebook.run("get_ipython().kernel.log.warning('a warning of the kernel')\nprint('printed')")
    expect(cell.outputs).to_have_text(["printed"])
    notebook.command("logconsole:open")
    console = lab.page.locator(".jp-LogConsolePanel")
    expect(console).to_contain_text("said by startScript")
    expect(console).to_contain_text("a warning of the kernel")
