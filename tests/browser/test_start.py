"""The start: its progress, the settings that shape it, and what the log console tells of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Request, Route

    from browser.chromium import OpenLab
    from browser.servers import Overlay


def test_a_slow_start_shows_its_progress_until_it_is_over(empty_lab: OpenLab) -> None:
    lab = empty_lab()
    held: list[Route] = []
    lab.page.context.route(WASM, lambda route: held.append(route))  # noqa: PLW0108  # Playwright takes no built-ins
    lab.open()
    notebook = lab.new_notebook()
    expect(lab.toasts).to_contain_text(re.compile(r"Starting Python \(async\): .*\d\.\d of \d+\.\d MB"))
    expect(notebook.status).not_to_have_attribute("data-status", "idle")
    assert held
    for route in held:
        route.continue_()
    lab.page.context.unroute(WASM)
    expect(notebook.run("6 * 7").result).to_have_text("42")
    expect(lab.toasts).to_have_count(0)


WASM = "**/pyodide.asm.wasm"
REST_OF_THE_EXTENSION = re.compile(r"/async-kernel-lite/static/(?!remoteEntry)[^/]*\.js")
"""What JupyterLab asks for once it has the extension's entry."""


def is_wasm(request: Request) -> bool:
    return request.url.endswith("/pyodide.asm.wasm")


def is_loading(request: Request) -> bool:
    """The kernel's own worker has begun."""
    return request.url.endswith("/pyodide.mjs")


@pytest.mark.parametrize(
    ("path", "settings", "page", "is_loaded"),
    [
        (None, {}, {}, True),
        ("repl/index.html?kernel=async", {}, {}, True),
        ("notebooks/index.html?path=a.ipynb", {}, {}, True),
        ("lab/index.html?kernel=other", {}, {}, False),
        ("tree/index.html", {}, {}, False),
        (None, {"preload": False}, {}, False),
        (None, {}, {"disabledExtensions": ["async-kernel-lite:preload"]}, False),
        (None, {}, {"disabledExtensions": ["async-kernel-lite"]}, False),
    ],
)
def test_python_is_loaded_with_pages_that_will_want_it(
    serve: Callable[..., str],
    empty_lab: OpenLab,
    overlay: Overlay,
    path: str | None,
    settings: dict[str, object],
    page: dict[str, object],
    is_loaded: bool,
) -> None:
    overlay.plugin_settings(settings, **page)
    lab = empty_lab(serve(overlay=overlay.folder))
    requested: list[Request] = []
    lab.page.context.on("request", lambda request: requested.append(request))  # noqa: PLW0108  # as above
    if is_loaded:
        with lab.page.context.expect_event("request", is_wasm):
            lab.open(path)
    else:
        lab.open(path)
        lab.page.evaluate("navigator.serviceWorker.ready")
        lab.workers_are(0)
    assert any(map(is_wasm, requested)) is is_loaded


def test_pythons_files_are_on_their_way_before_jupyterlab_has_the_extension(empty_lab: OpenLab) -> None:
    lab = empty_lab()
    held: list[Route] = []
    lab.page.context.route(REST_OF_THE_EXTENSION, lambda route: held.append(route))  # noqa: PLW0108  # as above
    with lab.page.context.expect_event("requestfinished", is_wasm):
        lab.page.goto(lab.url + lab.home)
    for route in held:
        route.continue_()
    lab.page.context.unroute(REST_OF_THE_EXTENSION)
    lab.open()
    expect(lab.new_notebook().run("6 * 7").result).to_have_text("42")


def test_a_kernel_takes_what_was_loaded_with_the_page(empty_lab: OpenLab) -> None:
    lab = empty_lab()
    requested: list[Request] = []
    lab.page.context.on("request", lambda request: requested.append(request))  # noqa: PLW0108  # as above
    with lab.page.expect_worker() as prepared:
        lab.open()
    expect(lab.new_notebook().run("6 * 7").result).to_have_text("42")
    assert lab.kernel_workers == [prepared.value]
    assert len([*filter(is_wasm, requested)]) == 1


def test_a_kernel_starts_though_what_was_loaded_with_the_page_has_gone(empty_lab: OpenLab) -> None:
    lab = empty_lab()
    with lab.page.expect_worker() as prepared, lab.page.context.expect_event("requestfinished", is_loading):
        lab.open()
    prepared.value.evaluate("self.close()")
    expect(lab.new_notebook().run("6 * 7").result).to_have_text("42")


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
