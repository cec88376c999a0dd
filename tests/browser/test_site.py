"""The site under any address: below a path, isolated or not, and without a request to anywhere else."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Request

    from browser.chromium import OpenLab
    from browser.lab import Lab
    from browser.servers import Outside, Overlay


def test_the_build_says_which_packages_have_a_part_in_the_page(site: Path) -> None:
    config = json.loads((site / "jupyter-lite.json").read_text())["jupyter-config-data"]
    found = config["litePluginSettings"]["async-kernel-lite:kernel"]["frontEndPackages"]
    assert found["jupyterlab-widgets"] == version("jupyterlab_widgets")


@pytest.mark.parametrize("isolated", [False, True], ids=["plain", "isolated"])
@pytest.mark.parametrize("prefix", ["/", "/some/path/"], ids=["root", "path"])
def test_a_notebook_works(serve: Callable[..., str], empty_lab: OpenLab, prefix: str, isolated: bool) -> None:
    url = serve(prefix=prefix, isolated=isolated)
    assert url.endswith(prefix)
    lab = empty_lab(url)
    requests: list[Request] = []
    lab.page.context.on("request", lambda request: requests.append(request))  # noqa: PLW0108  # Playwright takes no built-ins
    lab.open()
    assert lab.page.evaluate("crossOriginIsolated") is isolated

    lab.write_file("beside.py", "name = 'a module beside'\n")
    notebook = lab.new_notebook()
    cell = notebook.run("import beside\nprint(beside.name)\nopen('written.txt', 'w').write('by Python')")
    expect(cell.outputs).to_have_text(["a module beside", "9"])
    expect(lab.file("written.txt")).to_be_visible()

    slider = notebook.run(
        "import asyncio\n"
        "from ipywidgets import IntSlider\n"
        "slider = IntSlider(value=3)\n"
        "slider.observe(lambda change: print('moved to', change.new), names='value')\n"
        "slider"
    )
    slider.root.locator(".noUi-handle").press("ArrowRight")
    slider.shows("moved to 4")

    notebook.restart()
    expect(notebook.run("import asyncio\nawait asyncio.sleep(0)\n'slider' in globals()").result).to_have_text("False")
    notebook.shut_down()
    lab.workers_are(0)

    origin = url.removesuffix(prefix) + "/"
    foreign = [request.url for request in requests if not request.url.startswith((origin, "data:", "blob:"))]
    assert foreign == []
    asked = {request.url.removeprefix(url).rsplit("/", maxsplit=1)[-1] for request in requests}
    assert {"pyodide.asm.wasm", "python_stdlib.zip", "worker.mjs", "drive"} <= asked  # the worker's are counted, too
    assert any(request.service_worker for request in requests)


def test_pyodide_from_another_place(
    serve: Callable[..., str], empty_lab: OpenLab, overlay: Overlay, site: Path
) -> None:
    """As from a CDN, for a site that ships none."""
    own = PurePosixPath(overlay.find("extensions/*/static/pyodide/pyodide.mjs")).parent
    shutil.copytree(site / own, overlay.folder / "elsewhere")
    for file in (site / own).iterdir():
        overlay.remove(str(own / file.name))
    overlay.plugin_settings({"pyodideUrl": "./elsewhere/"})
    lab = empty_lab(serve(overlay=overlay.folder))
    lab.open()
    expect(lab.new_notebook().run("6 * 7").result).to_have_text("42")


def test_requests_to_elsewhere_would_be_noticed(lab: Lab, outside: Outside) -> None:
    """The other tests rely on it: each ends with a look at what was asked of the world outside."""
    cell = lab.new_notebook().run("from pyodide.http import pyfetch\nawait pyfetch('http://outside.example/file')")
    expect(cell.error).to_be_visible()
    assert "GET http://outside.example/file" in outside.asked
    outside.asked.clear()
