"""Whole notebooks, run by those who run notebooks without a frontend: nbclient, papermill, nbconvert."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import papermill
import pytest
from desktop.kernels import BACKENDS, GUARD
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

if TYPE_CHECKING:
    from nbformat import NotebookNode

CONTENT = Path(__file__).parents[2] / "lite-site" / "content"
OURS = [*((path.name, "asyncio") for path in sorted(CONTENT.glob("*.ipynb"))), ("concurrency.ipynb", "trio")]

WIDGETS = """
import ipywidgets as w
from IPython.display import display
slider, label = w.IntSlider(value=3), w.Label()
w.jslink((slider, "value"), (w.IntText(), "value"))
slider.observe(lambda change: label.set_trait("value", f"now {change.new}"), "value")
display(w.VBox([slider, label, w.HTML("<b>bold</b>")]))
---
slider.value = 7
---
label.value
---
bar = w.IntProgress(max=3)
display(bar)
for bar.value in range(1, 4):
    pass
"""
# No Output widget: nbclient answers it on the socket that it waits on, and then misses a reply now and then, with
# ipykernel too.


PRESS = """
import anyio
from async_kernel.caller import Caller
async def press():
    while "button" not in globals():
        await anyio.sleep(0)
    button.click()
pressing = Caller().call_soon(press)
"""
"""Does what a notebook asks its reader for."""


def run_by_nbclient(source: Path, folder: Path, kernel: str) -> NotebookNode:
    notebook = nbformat.read(source, 4)
    return NotebookClient(
        notebook, timeout=GUARD, kernel_name=kernel, resources={"metadata": {"path": folder}}
    ).execute()


def run_by_papermill(source: Path, folder: Path, kernel: str) -> NotebookNode:
    target = folder / "done.ipynb"
    with suppress(papermill.PapermillExecutionError):  # papermill knows no tag that allows an error
        papermill.execute_notebook(source, target, kernel_name=kernel, cwd=folder, progress_bar=False)
    return nbformat.read(target, 4)


def run_by_nbconvert(source: Path, folder: Path, kernel: str) -> NotebookNode:
    options = [f"--ExecutePreprocessor.kernel_name={kernel}", f"--ExecutePreprocessor.timeout={GUARD}"]
    command = [
        sys.executable,
        "-m",
        "nbconvert",
        "--to",
        "notebook",
        "--execute",
        *options,
        "--output=done",
        str(source),
    ]
    subprocess.run(command, check=True, timeout=GUARD, capture_output=True)
    return nbformat.read(folder / "done.ipynb", 4)


RUNNERS = {"nbclient": run_by_nbclient, "papermill": run_by_papermill, "nbconvert": run_by_nbconvert}


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells that the notebook had, without what papermill puts before them."""
    tagged = [cell for cell in notebook.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    return [cell for cell in tagged if cell.cell_type == "code"]


def text_of(cell: NotebookNode) -> str:
    return "".join(out.text for out in cell.outputs if out.output_type == "stream")


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize(("name", "backend"), OURS)
def test_our_notebooks_run_to_the_end(tmp_path: Path, runner: str, name: str, backend: str) -> None:
    notebook = nbformat.read(CONTENT / name, 4)
    asks = "Button(" in str(notebook)
    if asks:
        notebook.cells.insert(0, new_code_cell(PRESS))
    source = tmp_path / name
    nbformat.write(notebook, source)
    done = RUNNERS[runner](source, tmp_path, f"test-{backend}")
    cells = code_cells(done)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        failed = any(out.output_type == "error" for out in cell.outputs)
        assert failed == ("raises-exception" in cell.metadata.get("tags", [])), cell
    assert any(text_of(cell) == "Thank you.\n" for cell in cells) == asks


def widgets_of(notebook: NotebookNode) -> dict[str, dict[str, Any]]:
    """The state of the widgets, by the name of their model."""
    (kept,) = notebook.metadata.widgets.values()
    return {model["model_name"]: model["state"] for model in kept["state"].values()}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("runner", ["nbclient", "nbconvert"])
def test_widgets_and_their_state(tmp_path: Path, runner: str, backend: str) -> None:
    source = tmp_path / "widgets.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(code.strip()) for code in WIDGETS.split("---")]), source)
    done = RUNNERS[runner](source, tmp_path, f"test-{backend}")
    states = widgets_of(done)
    assert states["IntSliderModel"]["value"] == 7
    assert states["LabelModel"]["value"] == "now 7"
    assert states["IntProgressModel"]["value"] == 3
    assert states["HTMLModel"]["value"] == "<b>bold</b>"
    (shown,) = done.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in shown.data
    assert done.cells[1].outputs == []
    assert done.cells[2].outputs[0].data["text/plain"] == "'now 7'"


def test_parameters_of_papermill(tmp_path: Path) -> None:
    source, target = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    first = new_code_cell("n = 1", metadata={"tags": ["parameters"]})
    nbformat.write(new_notebook(cells=[first, new_code_cell("print(n * 7)")]), source)
    papermill.execute_notebook(source, target, {"n": 6}, kernel_name="test-trio", language="python", progress_bar=False)
    assert text_of(nbformat.read(target, 4).cells[-1]) == "42\n"


def test_error_ends_the_run_where_it_is(tmp_path: Path) -> None:
    source = tmp_path / "in.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(code) for code in ("1", "1 / 0", "print('not reached')")]), source)
    with pytest.raises(papermill.PapermillExecutionError, match="ZeroDivisionError"):
        papermill.execute_notebook(source, tmp_path / "done.ipynb", kernel_name="test-asyncio", language="python")
    assert nbformat.read(tmp_path / "done.ipynb", 4).cells[-1].outputs == []
