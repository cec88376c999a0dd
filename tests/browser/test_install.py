"""What first cells of notebooks do: import and install packages, run shell lines and magics on files."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from packages import PackageIndex, make_wheel
from playwright.sync_api import expect

from browser.servers import ROOT, Overlay, SiteServer

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from browser.chromium import LabMaker
    from browser.documents import Notebook
    from browser.lab import Lab

PYODIDE = "extensions/async-kernel-lite/static/pyodide"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made")


@pytest.fixture(scope="module")
def index(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[PackageIndex]:
    (compiled,) = (ROOT / "tests" / "_wheels").glob("msgspec-*.whl")
    wheels = [
        make_wheel(made, "plain"),
        make_wheel(made, "plain", "2.0"),
        make_wheel(made, "with-extra", requires=["extra-one; extra == 'more'"], extras=["more"]),
        make_wheel(made, "extra-one"),
        make_wheel(made, "listed"),
        make_wheel(made, "nested"),
        make_wheel(made, "on-linux", tag="cp314-cp314-manylinux_2_17_x86_64"),
        make_wheel(made, "needs-linux", requires=["on-linux"]),
        make_wheel(made, "old-abi", tag="cp312-cp312-pyemscripten_2024_0_wasm32"),
        make_wheel(made, "needs-missing", requires=["missing>=1"]),
        make_wheel(made, "by-address"),
        make_wheel(made, "for-piplite"),
        make_wheel(made, "locked-own", "9.0"),
        make_wheel(made, "has-page"),
        make_wheel(made, "has-page", "2.0"),
        make_wheel(
            made,
            "lacks-page",
            files={
                "lacks_page.py": "",
                "lacks_page-1.0.data/data/share/jupyter/labextensions/lacks-page/package.json": "{}",
            },
        ),
        make_wheel(made, "needs-page", requires=["lacks-page"]),
        compiled,
    ]
    with PackageIndex(tmp_path_factory.mktemp("index"), wheels) as index:
        yield index


@pytest.fixture(scope="module")
def locked_site(made: Path, site: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[SiteServer]:
    """The site, with two packages of Pyodide's own index beside Pyodide, as in its full distribution."""
    overlay = Overlay(tmp_path_factory.mktemp("overlay"), site)
    lock = json.loads((site / PYODIDE / "pyodide-lock.json").read_bytes())
    for name, depends in (("locked-one", ["locked-two"]), ("locked-two", []), ("locked-own", []), ("locked-gone", [])):
        wheel = make_wheel(made, name, "3.0")
        if name != "locked-gone":
            (overlay.folder / PYODIDE).mkdir(parents=True, exist_ok=True)
            (overlay.folder / PYODIDE / wheel.name).write_bytes(wheel.read_bytes())
        lock["packages"] = {
            name: {
                "name": name,
                "version": "3.0",
                "file_name": wheel.name,
                "install_dir": "site",
                "sha256": sha256(wheel.read_bytes()).hexdigest(),
                "package_type": "package",
                "imports": [name.replace("-", "_")],
                "depends": depends,
                "unvendored_tests": False,
            },
            **lock["packages"],
        }
    overlay.replace(f"{PYODIDE}/pyodide-lock.json", json.dumps(lock).encode())
    overlay.plugin_settings({"frontEndPackages": {"has-page": "1.0"}})
    with SiteServer(site, overlay=overlay.folder) as server:
        yield server


@pytest.fixture(scope="module")
def own_lab(locked_site: SiteServer, lab_maker: LabMaker) -> Generator[Lab]:
    with ExitStack() as stack:
        lab = lab_maker(stack, locked_site.url)
        lab.open()
        yield lab


@pytest.fixture(scope="module")
def own_notebook(own_lab: Lab) -> Notebook:
    return own_lab.new_notebook()


@pytest.fixture
def notebook(own_notebook: Notebook) -> Notebook:
    own_notebook.activate()
    return own_notebook


def test_imports_load_what_pyodide_has(notebook: Notebook) -> None:
    cell = notebook.run("import locked_one, json\nlocked_one.version")
    expect(cell.outputs).to_have_text(["Loaded locked-one 3.0, locked-two 3.0", "'3.0'"])
    cell = notebook.run("import locked_one, locked_two\nlocked_two.version")
    expect(cell.outputs).to_have_text(["'3.0'"])


def test_what_pyodide_cannot_load_is_said(notebook: Notebook) -> None:
    cell = notebook.run("%%time\nimport locked_gone")
    cell.shows("Nothing was loaded")
    cell.shows(re.compile(r"Cannot load locked-gone from 127\.0\.0\.1"))
    cell.shows("No module named 'locked_gone'")
    notebook.run("%pip install locked-gone").shows(
        re.compile("Cannot install locked-gone: Cannot load locked-gone from")
    )


def test_what_the_cell_itself_installs_is_not_loaded_before(notebook: Notebook, index: PackageIndex) -> None:
    cell = notebook.run(
        f"%pip install -q {index.url}/files/locked_own-9.0-py3-none-any.whl\nimport locked_own\nlocked_own.version"
    )
    expect(cell.outputs).to_have_text(["'9.0'"])


def test_a_module_that_nobody_has_is_an_import_error_alone(notebook: Notebook) -> None:
    cell = notebook.run("import nobody_has_this")
    cell.shows("No module named 'nobody_has_this'")
    expect(cell.outputs).to_have_count(1)


INSTALLS = {
    "%pip install -q -i {index} 'plain<2'": ("plain", "1.0"),
    "%pip install -i {index} --upgrade plain": ("plain", "2.0"),
    "!pip install -q -i {index} with-extra[more] msgspec": ("extra_one", "1.0"),
    "%uv pip install -i {index} listed==1.0": ("listed", "1.0"),
    "!uv pip install -q {url}/files/by_address-1.0-py3-none-any.whl": ("by_address", "1.0"),
}


@pytest.mark.parametrize("line", INSTALLS)
def test_install(notebook: Notebook, index: PackageIndex, line: str) -> None:
    module, version = INSTALLS[line]
    line = line.format(index=index.simple, url=index.url)
    code = f"from importlib.metadata import version\n{line}\nimport {module}\nversion('{module.replace('_', '-')}')"
    cell = notebook.run(code)
    expect(cell.result).to_have_text(f"'{version}'")
    if " -q" in line:
        expect(cell.outputs).to_have_count(1)
    else:
        cell.shows(f"Successfully installed {module}-{version}")


def test_requirements_files_and_wheels_by_path(notebook: Notebook, index: PackageIndex) -> None:
    code = (
        "%%writefile reqs.txt\n# what it needs\n-r more.txt  # nested\n./nested-1.0-py3-none-any.whl\n"
        f"--extra-index-url {index.simple}\n"
    )
    notebook.run(code).shows("Writing reqs.txt")
    cell = notebook.run(
        "!echo 'listed>=1' > more.txt && cat more.txt\n"
        f"!wget -q {index.url}/files/nested-1.0-py3-none-any.whl\n"
        "%pip install -q -r reqs.txt\nimport nested, listed\nnested.version"
    )
    expect(cell.outputs).to_have_text(["listed>=1", "'1.0'"])


def test_list_freeze_show_uninstall(notebook: Notebook, index: PackageIndex) -> None:
    notebook.run(f"%pip install -q -i {index.simple} plain==2.0")
    notebook.run("%pip list").shows(re.compile(r"ipython +9.*plain +2\.0", re.DOTALL))
    notebook.run("!pip freeze > frozen.txt && cat frozen.txt").shows("plain==2.0")
    notebook.run("%pip show plain").shows(re.compile(r"Name: plain\nVersion: 2\.0\n.*Required-by:", re.DOTALL))
    notebook.run("%pip show no-such").shows("WARNING: Package(s) not found: no-such")
    notebook.run("!pip uninstall -y plain").shows("Successfully uninstalled plain-2.0")
    notebook.run("%pip uninstall -y plain").shows("Skipping plain as it is not installed")
    notebook.run("%pip install 'open").shows("No closing quotation")
    notebook.run("%pip").shows("say what to do")
    notebook.run("%uv venv").shows("there are no environments")


def test_micropip_and_piplite(notebook: Notebook, index: PackageIndex) -> None:
    cell = notebook.run(
        f"import piplite\nawait piplite.install(['for-piplite==1.0'], index_urls='{index.simple}')\n"
        "import micropip\nimport importlib.metadata as m\n'for-piplite' in micropip.list(), m.version('for-piplite')"
    )
    expect(cell.result).to_have_text("(True, '1.0')")


ERRORS = {
    "needs-linux": r"Cannot install needs-linux: it requires on-linux \(by way of needs-linux\), and of that there is "
    "no wheel for WebAssembly, only for manylinux",
    "needs-missing": r"Cannot install needs-missing: it requires missing>=1 \(by way of needs-missing\), and of that "
    "nothing is found in the package index 127.0.0.1",
    "old-abi": r"Cannot install old-abi: old-abi: the wheels for WebAssembly have another ABI "
    r"\(pyemscripten_2024_0_wasm32\)",
    "extra-one>=7": r"Cannot install extra-one>=7: extra-one>=7: there is no such version; the latest are 1\.0",
    "./nothing-1.0-py3-none-any.whl": "Cannot install ./nothing-1.0-py3-none-any.whl: there is no such file",
    "git+https://example.org/x": "it would have to be built",
    "http://127.0.0.1:9/x-1.0-py3-none-any.whl": r"127\.0\.0\.1:9 cannot be reached",
}


@pytest.mark.parametrize("requirement", ERRORS)
def test_an_error_names_what_blocks_and_why(notebook: Notebook, index: PackageIndex, requirement: str) -> None:
    cell = notebook.run(f"%pip install -q -i {index.simple} '{requirement}'")
    cell.shows(re.compile(ERRORS[requirement]))
    expect(cell.outputs).to_have_count(1)
    expect(cell.error).not_to_contain_text("Traceback")


def test_the_page_decides_which_version_is_installed(notebook: Notebook, index: PackageIndex) -> None:
    notebook.run(f"%pip install -q -i {index.simple} has-page\nimport has_page\nprint(has_page.version)").shows("1.0")
    cell = notebook.run(f"%pip install -q -i {index.simple} has-page==2.0")
    cell.shows("has-page==2.0: the site has the part of has-page 1.0 that runs in the page")


def test_what_lacks_its_part_in_the_page_is_said(notebook: Notebook, index: PackageIndex) -> None:
    cell = notebook.run(f"%pip install -q -i {index.simple} needs-page")
    cell.shows("lacks-page has a part that runs in the page, and this site has not: what it shows there stays blank")
    cell = notebook.run("import ipywidgets")
    cell.shows("ipywidgets needs jupyterlab_widgets in the page, which this site has not")
    expect(notebook.run("import ipywidgets\n'once'").outputs).to_have_text(["'once'"])


def test_cors_is_said(notebook: Notebook, server: SiteServer) -> None:
    address = f"{server.url}x-1.0-py3-none-any.whl"
    host = server.url.split("/")[2]
    cell = notebook.run(f"%pip install {address}")
    cell.shows(f"{host} does not let pages of other sites read /x-1.0-py3-none-any.whl (CORS)")
    notebook.run(f"!wget {address}").shows(f"{host} does not let pages of other sites read")


def test_shell_lines_and_magics(notebook: Notebook, index: PackageIndex) -> None:
    cell = notebook.run("%mkdir -p shelf\n%cd shelf\n!pwd")
    cell.shows("/drive/shelf")
    expect(notebook.run("%%writefile script.py\nvalue = 41\nprint('ran')").outputs).to_have_text("Writing script.py")
    expect(notebook.run("%run script.py\nvalue + 1").outputs).to_have_text(["ran", "42"])
    expect(notebook.run("files = !ls\nfiles").result).to_have_text("['script.py']")
    expect(notebook.run("!cp script.py other.py && ls *.py").outputs).to_have_text("other.py\nscript.py")
    notebook.run("%ls").shows("other.py")
    notebook.run("%env SOME=thing\n!echo $SOME").shows("thing")
    notebook.run("def f():\n    !echo in a function\nf()").shows("in a function")
    notebook.run("%timeit -n1 -r1 pass").shows("per loop")
    notebook.run("%%time\nsum(range(3))").shows("Wall time")
    notebook.run("%who int").shows("value")
    notebook.run("%load_ext autoreload\n%autoreload 2\nimport script\nprint(script.value)").shows("41")
    notebook.run("!git clone x").shows("git: there is no shell in the browser")
    expect(notebook.run("_exit_code").result).to_have_text("127")
    notebook.run(f"!wget {index.url}/simple/plain/index.html && head -1 index.html").shows("<!DOCTYPE html>")
    notebook.run("%cd ..").shows("/drive")
    notebook.run("%rm -r shelf\n!ls shelf").shows("No such file")


def test_load_fills_the_cell(notebook: Notebook) -> None:
    notebook.run("!echo 'loaded = 1' > to_load.py")
    cell = notebook.run("%load to_load.py")
    expect(cell.editor).to_contain_text("loaded = 1")
