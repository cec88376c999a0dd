"""The documentation builds without a warning, and its code runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml
from async_kernel import caller, debugger, interface, shell, testing
from browser.servers import SiteServer
from jupyter_client.manager import start_new_kernel
from playwright.sync_api import expect

from docs.blocks import PAGES, READMES, ROOT, blocks, name

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from browser.chromium import OpenLab


def having(language: str) -> list[Path]:
    return [path for path in [*PAGES, *READMES] if blocks(path, language)]


@pytest.fixture(scope="module")
def documentation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site, with the demo in it, as it is published.

    With all links, anchors and public names: what is missing is a warning, and an error here.
    """
    folder = tmp_path_factory.mktemp("documentation")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(ROOT / "docs/mkdocs.yml")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run([*command, "-d", str(folder)], check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    (folder / "demo").symlink_to(ROOT / "lite-site/_output")
    return folder


def test_options_are_explained(documentation: Path) -> None:
    configuration = (documentation / "reference/configuration/index.html").read_text()
    assert all(f"<code>{trait}</code>" in configuration for trait in ("backend", "timeout", "help_links", "transport"))


@pytest.mark.parametrize("module", [caller, debugger, interface, shell, testing], ids=lambda module: module.__name__)
def test_public_names_are_explained(documentation: Path, module: ModuleType) -> None:
    reference = (documentation / "reference/api/index.html").read_text()
    names = getattr(module, "__all__", None) or [
        each for each, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
    ]
    public = [f"{module.__name__}.{each}" for each in names if not each.startswith("_")]
    assert [each for each in public if f'id="{each}"' not in reference] == []


@pytest.mark.parametrize(("page", "notebook"), [("", "tour.ipynb"), ("guide/concurrency/", "concurrency.ipynb")])
def test_notebooks_run_in_it(documentation: Path, empty_lab: OpenLab, page: str, notebook: str) -> None:
    with SiteServer(documentation) as server:
        lab = empty_lab(server.url)
        lab.page.goto(f"{server.url}{page}index.html")
        lab.page.locator(f"a[href*='{notebook}']").click()
        cell = lab.page.locator(".jp-CodeCell").first
        cell.locator(".jp-InputArea-editor").click()
        lab.page.keyboard.press("Shift+Enter")
        expect(cell.locator(".jp-OutputArea-output").first).to_be_visible()
        expect(cell.locator(".jp-InputArea-prompt")).to_have_text("[1]:")


def test_the_changelog_takes_the_fragments() -> None:
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--dir", str(ROOT)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    missing = [path.name for path in (ROOT / "changes").glob("*.*.md") if path.read_text().split("\n")[0] not in shown]
    assert missing == []


@pytest.mark.parametrize("path", having("python"), ids=name)
def test_python(path: Path) -> None:
    """One after another, as the cells of a notebook."""
    manager, client = start_new_kernel(kernel_name="async")
    try:
        for code in blocks(path, "python"):
            content = client.execute_interactive(code, timeout=60)["content"]
            assert content["status"] == "ok", (code, content)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


@pytest.mark.parametrize("path", having("json"), ids=name)
def test_json(path: Path) -> None:
    for text in blocks(path, "json"):
        json.loads(text)


@pytest.mark.parametrize("path", having("yaml"), ids=name)
def test_yaml(path: Path) -> None:
    for text in blocks(path, "yaml"):
        assert isinstance(yaml.safe_load(text), dict)
