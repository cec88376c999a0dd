"""Run notebooks of other projects, as their source packages carry them, by nbclient, papermill and nbconvert.

    .venv/bin/python tests/long/notebooks.py [--kernel async] [--reference python3] [--only PART_OF_A_NAME]

Each runs on our kernel and on a reference, ipykernel. Where that ends, ours must end, with errors in the same cells and
no others: some of the notebooks are written for older versions of what they import.

The packages come from the registry, so this is no part of `npm test`. Among the notebooks are the examples of
ipywidgets; newer releases than the one named here come without them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

import nbformat

PACKAGES = ("nbclient", "nbconvert", "ipywidgets==7.8.5")
NOTEBOOKS = (
    "Widget_List.ipynb",
    "Unexecuted_widget.ipynb",
    "Unexecuted_widget_2.ipynb",
    "JupyterWidgets.ipynb",
    "Clear Output.ipynb",
    "Empty Cell.ipynb",
    "Factorials.ipynb",
    "HelloWorld.ipynb",
    "Inline Image.ipynb",
    "SVG.ipynb",
    "Sleep1s.ipynb",
    "Unicode.ipynb",
    "UnicodePy3.ipynb",
)
"""Those of nbclient and nbconvert. Most of the others are there to fail."""
EXAMPLES = "docs/source/examples"
"""Where ipywidgets has its examples: all are run, but for these."""
LEFT_OUT = {
    "Index.ipynb": "has no code",
    "Layout Example.ipynb": "draws maps of tiles from the network",
}
IMPORTED = ("bqplot", "networkx", "scikit-image", "scikit-learn", "scipy", "sympy")
"""What the examples import beside what development needs."""
RUNNERS = {
    "nbclient": "import sys, nbformat, nbclient\n"
    "nb = nbformat.read(sys.argv[1], 4)\n"
    "nbclient.NotebookClient(nb, timeout=60, kernel_name=sys.argv[3], allow_errors=True).execute()\n"
    "nbformat.write(nb, sys.argv[2])",
    "papermill": "import sys, papermill\n"
    "try:\n"
    "    papermill.execute_notebook(*sys.argv[1:3], kernel_name=sys.argv[3], language='python', progress_bar=False,"
    " execution_timeout=60)\n"
    "except papermill.PapermillExecutionError:\n"
    "    pass",
    "nbconvert": "import sys\nfrom nbconvert.nbconvertapp import main\n"
    "main(['--to=notebook', '--execute', '--allow-errors', '--ExecutePreprocessor.timeout=60',"
    " f'--ExecutePreprocessor.kernel_name={sys.argv[3]}', f'--output={sys.argv[2]}', sys.argv[1]])",
}
"""Each runs a notebook into a file, by a kernel. papermill ends at the first error, the others go on."""
TIME = 300
"""Seconds after which a notebook that does not end is a failure."""
TRIES = 3
"""With an Output widget, nbclient misses a reply now and then, of any kernel: it reads the same socket twice."""


class Run(NamedTuple):
    """How a notebook ended."""

    ended: bool
    text: str
    """Which cells have failed with what, or why there is no telling."""


def download(folder: Path) -> None:
    """Put the packages' sources, and what the examples import, into a folder."""
    pip = [sys.executable, "-m", "pip"]
    names = ",".join(package.partition("=")[0] for package in PACKAGES)
    subprocess.run([*pip, "download", "-q", "--no-deps", f"--no-binary={names}", "-d", folder, *PACKAGES], check=True)
    subprocess.run([*pip, "install", "-q", "--target", folder / "imported", *IMPORTED], check=True)
    for archive in folder.glob("*.tar.gz"):
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")


def find(folder: Path) -> list[Path]:
    """The notebooks in the packages' sources.

    Raises:
        FileNotFoundError: a package has one of them no more.
    """
    examples = sorted(folder.glob(f"*/{EXAMPLES}/*.ipynb"))
    found = {path.name: path for path in folder.rglob("*.ipynb") if EXAMPLES not in str(path)}
    missing = {*NOTEBOOKS} - {*found} | {*LEFT_OUT} - {path.name for path in examples}
    if missing:
        msg = f"{', '.join(PACKAGES)} have no longer: {', '.join(sorted(missing))}"
        raise FileNotFoundError(msg)
    return [*(found[name] for name in NOTEBOOKS), *(path for path in examples if path.name not in LEFT_OUT)]


def run(source: Path, runner: str, kernel: str) -> Run:
    """Run a notebook to its end."""
    done = source.with_name("done.ipynb")
    done.unlink(missing_ok=True)
    command = [sys.executable, "-W", "ignore", "-c", RUNNERS[runner], source.name, done.name, kernel]
    try:
        subprocess.run(command, cwd=source.parent, check=True, capture_output=True, text=True, timeout=TIME)
    except subprocess.TimeoutExpired:
        return Run(ended=False, text=f"no end in {TIME} s")
    except subprocess.CalledProcessError as e:
        return Run(ended=False, text=e.stderr.strip().rpartition("\n")[2][:80])
    cells = [cell for cell in nbformat.read(done, 4).cells if cell.cell_type == "code"]
    errors = [
        f"{number} {out.ename}"
        for number, cell in enumerate(cells, 1)
        for out in cell.outputs
        if out.output_type == "error"
    ]
    return Run(ended=True, text=", ".join(errors) or f"{len(cells)} cells")


def compare(source: Path, runner: str, kernels: tuple[str, str]) -> tuple[bool, list[str]]:
    """Whether a notebook does on our kernel what it does on the reference, and what that is."""
    told: list[str] = []
    for _ in range(TRIES):
        ours, reference = (run(source, runner, kernel) for kernel in kernels)
        told = [f"{ours.text:30}", f"{reference.text:30}"]
        if ours == reference:
            return True, told
        if ours.ended and reference.ended:
            break
    return False, told


def main() -> int:
    """Run all of them, and tell in a table which did what."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", default="async", help="the name of the kernelspec")
    parser.add_argument("--reference", default="python3", help="the name of ipykernel's")
    parser.add_argument("--only", default="", help="notebooks with this in their name")
    asked = parser.parse_args()
    kernels = asked.kernel, asked.reference
    differing = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        download(folder)
        os.environ["PYTHONPATH"] = str(folder / "imported")
        for source in (path for path in find(folder) if asked.only in path.name):
            notebook = nbformat.read(source, 4)  # older formats are brought up to date, as Jupyter does
            nbformat.write(notebook, source)
            for runner in RUNNERS:
                same, told = compare(source, runner, kernels)
                differing += not same
                row = ("same" if same else "DIFFER", f"{runner:9}", f"{source.stem:30}", *told)
                sys.stdout.write("  ".join(f"{part:6}" for part in row).rstrip() + "\n")
                sys.stdout.flush()
        for left, reason in LEFT_OUT.items():
            sys.stdout.write(f"left out: {left}: {reason}\n")
    sys.stdout.write(f"{differing} differ\n")
    return differing > 0


if __name__ == "__main__":
    sys.exit(main())
