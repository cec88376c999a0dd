"""Each way to begin, by the documentation's own commands, with what was built in place of what is published."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser.servers import SiteServer
from playwright.sync_api import Page, expect

from docs.blocks import ROOT, blocks

if TYPE_CHECKING:
    from collections.abc import Generator

    from browser.chromium import OpenLab

    from docs.conftest import Shell

START = ROOT / "docs/pages/start"
NOTEBOOK = {
    "cells": [
        {"cell_type": "code", "id": "a", "metadata": {}, "source": "6 * 7", "outputs": [], "execution_count": None}
    ],
    "metadata": {"kernelspec": {"name": "async", "display_name": "Python (async)", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def write_notebook(folder: Path) -> None:
    folder.mkdir()
    (folder / "first.ipynb").write_text(json.dumps(NOTEBOOK))


@pytest.mark.beside("async_kernel_lite-*.whl")
def test_a_site(shell: Shell, empty_lab: OpenLab) -> None:
    write_notebook(Path("notebooks"))
    build, serve = blocks(START / "site.md", "sh")
    (settings,) = blocks(START / "site.md", "json")
    config = json.loads(settings)
    config["jupyter-config-data"]["exposeAppInBrowser"] = True  # for this test
    Path("jupyter-lite.json").write_text(json.dumps(config))
    said = shell(build)
    assert "pyodide.asm.wasm" in said
    assert serve == "python -m http.server --directory site 8000\n"
    with SiteServer(Path("site")) as server:
        lab = empty_lab(server.url)
        lab.open()
        expect(lab.file("first.ipynb")).to_be_visible()
        notebook = lab.new_notebook()
        expect(notebook.run("6 * 7").result).to_have_text("42")
        slider = notebook.run("from ipywidgets import IntSlider\nIntSlider()")
        expect(slider.root.locator(".noUi-handle")).to_be_visible()


def test_the_desktop(shell: Shell) -> None:
    write_notebook(Path("notebooks"))
    install, use, more = blocks(START / "desktop.md", "sh")
    shell(install)
    assert "jupyter console --kernel async" in use
    said = shell(use.replace("jupyter console", r"printf '6 * 7\nexit\n' | jupyter console"))
    assert "Python (async)" in said
    assert "Out[1]: 42" in said
    assert "42" in shell(
        "jupyter execute --kernel_name=async --inplace notebooks/first.ipynb; cat notebooks/first.ipynb"
    )
    shell(more)
    assert "async-trio" not in shell("async-kernel list")


@pytest.fixture
def npm_folder(shell: Shell) -> Path:
    """A folder into which the packages were installed.

    pyodide is the one of this checkout: to install it anew would take a registry.
    """
    install, *_ = blocks(START / "page.md", "sh")
    packed = subprocess.run(["npm", "pack", "--silent", str(ROOT)], check=True, capture_output=True, text=True).stdout
    shell(install.replace("async-kernel-lite", f"--offline ./{packed.strip()}").replace(" pyodide", ""))
    shutil.copytree(ROOT / "node_modules/pyodide", "node_modules/pyodide")
    return Path()


@pytest.fixture
def npm_page(npm_folder: Path, empty_lab: OpenLab) -> Generator[Page]:
    """An empty page at the address of that folder, with the examples."""
    shutil.copytree(ROOT / "docs/examples", npm_folder, dirs_exist_ok=True)
    with SiteServer(npm_folder) as server:
        page = empty_lab(server.url).page
        page.goto(server.url)
        yield page


def test_a_page_with_a_code_box(npm_page: Page) -> None:
    npm_page.goto(f"{npm_page.url}code-box.html")
    run, stop = npm_page.get_by_role("button", name="Run"), npm_page.get_by_role("button", name="Stop")
    output, status = npm_page.locator("#output"), npm_page.locator("#status")
    run.click()
    expect(output.locator("label")).to_have_text("Who are you?")
    output.locator("input").fill("Ada")
    output.locator("input").press("Enter")
    expect(output.locator(".stdout")).to_have_text("Hello Ada")
    stop.click()
    expect(output.locator(".error")).to_contain_text("KeyboardInterrupt")
    expect(status).to_have_text("idle")
    npm_page.locator("#code").fill("from IPython.display import HTML\nHTML('<b>bold</b>')")
    run.click()
    expect(output.locator("b")).to_have_text("bold")
    npm_page.locator("#code").fill("1 / 0")
    run.click()
    expect(output.locator(".error")).to_contain_text("ZeroDivisionError")


def test_a_page_of_snippets(npm_page: Page) -> None:
    npm_page.goto(f"{npm_page.url}snippets.html")
    expect(npm_page.locator("pre:not(.python)")).to_have_text(["", "", ""])
    for number in range(3):
        npm_page.get_by_role("button").nth(number).click()
    expect(npm_page.locator("pre:not(.python)")).to_have_text(
        ["3.875", "median 3.5", "StatisticsError: no median for empty data"], use_inner_text=True
    )
    snippet = npm_page.locator(".python").first
    snippet.fill("sum([1, 2])")
    npm_page.get_by_role("button").first.click()
    expect(npm_page.locator("pre:not(.python)").first).to_have_text("3")


def test_a_bundle(shell: Shell, npm_folder: Path, empty_lab: OpenLab) -> None:
    """Vite is the one of this checkout."""
    *_, bundle = blocks(START / "page.md", "sh")
    shutil.copytree(ROOT / "docs/examples/vite", npm_folder, dirs_exist_ok=True)
    vite = f'node "{ROOT / "node_modules/vite/bin/vite.js"}"'
    shell(bundle.replace("npx vite build", f"{vite} build --base ./"))
    with SiteServer(npm_folder / "dist") as server:
        page = empty_lab(server.url).page
        page.goto(f"{server.url}index.html")
        expect(page.locator("#output")).to_have_text(re.compile(r"Python 3\.\d+\.\d+ in emscripten\n"))


def test_a_program_in_node(shell: Shell, npm_folder: Path) -> None:
    program = npm_folder / "program.mjs"
    program.write_text(
        'import { startKernel } from "async-kernel-lite";\n'
        'const kernel = await startKernel({ pyodideUrl: "./node_modules/pyodide/" });\n'
        "await kernel.ready;\nconsole.log(kernel.capabilities.interrupt);\nkernel.dispose();\n"
    )
    assert "shared memory" in shell("node program.mjs")
