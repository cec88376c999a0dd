"""Notebooks as people publish them for JupyterLite, from top to bottom: with what is pure Python, nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packages import PackageIndex, make_wheel
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Generator

    from browser.lab import Lab

ERROR = "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"

NOTEBOOKS = sorted(Path(__file__).with_name("notebooks").glob("*.ipynb"))
"""In them, ADDRESS is that of a file of the site, and INDEX that of a package index."""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Generator[PackageIndex]:
    made = tmp_path_factory.mktemp("made")
    names = ("published", "by-piplite", "by-micropip", "by-shell", "not-there")
    with PackageIndex(tmp_path_factory.mktemp("index"), [make_wheel(made, name) for name in names]) as index:
        yield index


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs_from_top_to_bottom(shared_lab: Lab, index: PackageIndex, file: Path) -> None:
    address = f"{shared_lab.url}jupyter-lite.json"
    sources = ["".join(cell["source"]) for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]]
    cells = [source.replace("ADDRESS", address).replace("INDEX", index.simple) for source in sources]
    shared_lab.write_notebook(file.name, cells)
    notebook = shared_lab.open_notebook(file.name)
    notebook.run_all()
    prompts = notebook.cells.locator(".jp-InputArea-prompt")
    expect(prompts).to_have_text([f"[{number}]:" for number in range(1, len(cells) + 1)])
    expect(notebook.root.locator(ERROR)).to_have_count(0)
    notebook.shut_down()
