"""Run notebooks of other projects, as their source packages carry them, by nbclient, papermill and nbconvert.

    .venv/bin/python tests/long/notebooks.py [--kernel async]

The packages come from the registry, so this is no part of `npm test`. Among them is ipywidgets' list of widgets.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import nbformat

PACKAGES = ("nbclient", "nbconvert")
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
RUNNERS = {
    "nbclient": "import sys, nbformat, nbclient\n"
    "nb = nbformat.read(sys.argv[1], 4)\n"
    "nbclient.NotebookClient(nb, timeout=60, kernel_name=sys.argv[2]).execute()",
    "papermill": "import sys, papermill\n"
    "papermill.execute_notebook(sys.argv[1], sys.argv[1] + '.out', kernel_name=sys.argv[2], language='python',"
    " progress_bar=False)",
    "nbconvert": "import sys\nfrom nbconvert.nbconvertapp import main\n"
    "main(['--to=notebook', '--execute', f'--ExecutePreprocessor.kernel_name={sys.argv[2]}', '--output=done',"
    " sys.argv[1]])",
}
TIME = 180
"""Seconds after which a notebook that does not end is a failure."""


def fetch(folder: Path) -> list[Path]:
    """The notebooks, out of the packages' sources.

    Raises:
        FileNotFoundError: a package has one of them no more.
    """
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-binary=:all:",
        "-d",
        str(folder),
    ]
    subprocess.run([*command, *PACKAGES], check=True)
    for archive in folder.glob("*.tar.gz"):
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    found = {path.name: path for path in folder.rglob("*.ipynb") if path.name in NOTEBOOKS}
    if missing := sorted(set(NOTEBOOKS) - set(found)):
        msg = f"{', '.join(PACKAGES)} have no longer: {', '.join(missing)}"
        raise FileNotFoundError(msg)
    return [found[name] for name in NOTEBOOKS]


def main() -> int:
    """Run all of them, and tell which ran to the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", default="async", help="the name of the kernelspec")
    kernel = parser.parse_args().kernel
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        for source in fetch(Path(name)):
            notebook = nbformat.read(source, 4)  # older formats are brought up to date, as Jupyter does
            nbformat.write(notebook, source)
            for runner, code in RUNNERS.items():
                command = [sys.executable, "-W", "ignore", "-c", code, str(source), kernel]
                done = subprocess.run(
                    command, cwd=source.parent, check=False, capture_output=True, text=True, timeout=TIME
                )
                failed += done.returncode != 0
                sys.stdout.write(f"{'FAILED' if done.returncode else 'passed'}  {runner:10} {source.name}\n")
                sys.stdout.write(done.stderr[-1500:] if done.returncode else "")
                sys.stdout.flush()
    sys.stdout.write(f"{failed} failed\n")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
