"""Packages: those that a site ships, by `jupyter lite build`, and those that notebooks ask for."""

from __future__ import annotations

import filecmp
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from packages import PackageIndex, make_wheel
from playwright.sync_api import expect

from browser.servers import ROOT, SiteServer

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from browser.chromium import LabMaker
    from browser.documents import Notebook
    from browser.lab import Lab

STATIC = "extensions/async-kernel-lite/static"
LINUX = "cp314-cp314-manylinux_2_17_x86_64"
OTHER_ADDONS = [f"jupyterlite-pyodide-kernel-{name}" for name in ("lock", "piplite", "pyodide")]
ADDON = {
    "packages": ["shipped-one[more]", "msgspec", "wheels/own-1.0-py3-none-any.whl"],
    "snapshot_packages": ["baked"],
}


def compiled() -> Path:
    """A wheel with a compiled module."""
    (wheel,) = (ROOT / "tests" / "_wheels").glob("msgspec-*.whl")
    return wheel


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Generator[PackageIndex]:
    made = tmp_path_factory.mktemp("made")
    wheels = [
        make_wheel(made, "shipped-one", requires=["pulled-in; extra == 'more'"], extras=["more"]),
        make_wheel(made, "pulled-in"),
        make_wheel(made, "baked", "1.5"),
        make_wheel(made, "on-linux", tag=LINUX),
        make_wheel(made, "needs-linux", requires=["on-linux"]),
        compiled(),
    ]
    with PackageIndex(tmp_path_factory.mktemp("index"), wheels) as index:
        yield index


class Builder:
    """Builds sites with packages from an index."""

    def __init__(self, index: PackageIndex) -> None:
        self._environment = {**os.environ, "PIP_INDEX_URL": index.simple, "PIP_CONFIG_FILE": os.devnull}

    def build(self, folder: Path, addon: dict[str, Any], lock: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Build a site in a folder, as by `jupyter lite build`."""
        make_wheel(folder / "wheels", "own")
        if lock is not None:
            (folder / lock.name).write_bytes(lock.read_bytes())
        settings = {"async-kernel-lite:kernel": {"packages": ["baked>=1", "ipywidgets"]}}
        config = {"defaultKernelName": "async", "exposeAppInBrowser": True, "litePluginSettings": settings}
        lite = {"jupyter-lite-schema-version": 0, "jupyter-config-data": config}
        (folder / "jupyter-lite.json").write_text(json.dumps(lite))
        site = {
            "output_dir": "_output",
            "apps": ["lab"],
            "no_sourcemaps": True,
            "ignore_sys_prefix": ["federated_extensions"],
            "federated_extensions": [f"{sys.prefix}/share/jupyter/labextensions/async-kernel-lite"],
            "disable_addons": OTHER_ADDONS,
        }
        build = {"LiteBuildConfig": site, "AsyncKernelLiteAddon": addon}
        (folder / "jupyter_lite_config.json").write_text(json.dumps(build))
        command = [str(ROOT / ".venv" / "bin" / "jupyter"), "lite", "build"]
        return subprocess.run(
            command, cwd=folder, env=self._environment, capture_output=True, text=True, timeout=300, check=False
        )


@pytest.fixture(scope="module")
def builder(index: PackageIndex) -> Builder:
    return Builder(index)


@pytest.fixture(scope="module")
def built(builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a site with packages of its own, built; and what the build said."""
    folder = tmp_path_factory.mktemp("site")
    done = builder.build(folder, ADDON)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


@pytest.fixture(scope="module")
def own_site(built: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[SiteServer, Path]]:
    """It served, and the log of requests."""
    log = tmp_path_factory.mktemp("log") / "requests"
    log.write_text("")
    with SiteServer(built[0] / "_output", log=log) as server:
        yield server, log


@pytest.fixture(scope="module")
def own_lab(own_site: tuple[SiteServer, Path], lab_maker: LabMaker) -> Generator[Lab]:
    with ExitStack() as stack:
        lab = lab_maker(stack, own_site[0].url)
        lab.open()
        yield lab


@pytest.fixture(scope="module")
def first_visit(own_lab: Lab, own_site: tuple[SiteServer, Path]) -> tuple[Notebook, set[str]]:
    """A notebook that has shown its first result, and what of the kernel's files had been loaded until then."""
    notebook = own_lab.new_notebook()
    expect(notebook.run("6 * 7").result).to_have_text("42")
    paths = {line.split(" ", 2)[2].split("?")[0] for line in own_site[1].read_text().splitlines()}
    return notebook, {path for path in paths if path.startswith(STATIC)}


@pytest.fixture
def notebook(first_visit: tuple[Notebook, set[str]]) -> Notebook:
    first_visit[0].activate()
    return first_visit[0]


def test_the_build_says_what_a_first_visit_loads(
    built: tuple[Path, str], first_visit: tuple[Notebook, set[str]]
) -> None:
    folder, said = built
    lines = said[said.index("A first visit loads") :].splitlines()
    before = [line.split() for line in lines[1 : next(i for i, line in enumerate(lines) if line.startswith("until"))]]
    table = {path: (int(size.replace(",", "")), int(wire.replace(",", ""))) for path, size, wire in before}
    for path, (size, _) in table.items():
        assert (folder / "_output" / STATIC / path).stat().st_size == size
    assert table["pyodide/pyodide.asm.wasm"][1] < table["pyodide/pyodide.asm.wasm"][0] / 2
    assert any(path.startswith("packages/snapshot/memory-") for path in table)
    # nothing is loaded that the table does not have, but for what is fetched ahead of its use
    loaded = {path.removeprefix(f"{STATIC}/") for path in first_visit[1]}
    after = {line.split()[0] for line in lines if line.startswith("  ")} - table.keys()
    shared = {path for path in table if path.endswith(".js")}  # of the extension: the application may have it
    assert table.keys() - shared <= loaded <= table.keys() | after


def test_shipped_packages_are_there_without_any_network(notebook: Notebook) -> None:
    cell = notebook.run(
        "import own, pulled_in, shipped_one, msgspec\n"
        "from importlib.metadata import version\n"
        "own.version, shipped_one.version, version('pulled-in'), msgspec.json.encode([1])"
    )
    expect(cell.result).to_have_text("('1.0', '1.0', '1.0', b'[1]')")


def test_packages_of_the_snapshot_are_imported_already(notebook: Notebook) -> None:
    cell = notebook.run("import sys\nbefore = 'baked' in sys.modules\nimport baked\nbefore, baked.version")
    expect(cell.result).to_have_text("(True, '1.5')")
    cell = notebook.run("import inspect\ninspect.getsource(baked)")
    expect(cell.result).to_contain_text("Made for tests.")


def differences(one: Path, other: Path) -> list[str]:
    """The paths in which two directories differ."""
    return differing(filecmp.dircmp(one, other))


def differing(compared: filecmp.dircmp[str], below: str = "") -> list[str]:
    wrong = [*compared.left_only, *compared.right_only, *compared.diff_files, *compared.funny_files]
    _, mismatch, errors = filecmp.cmpfiles(compared.left, compared.right, compared.common_files, shallow=False)
    here = [f"{below}{name}" for name in {*wrong, *mismatch, *errors}]
    return here + [path for name, sub in compared.subdirs.items() for path in differing(sub, f"{below}{name}/")]


def test_a_site_built_again_from_its_lock_is_the_same(
    builder: Builder, built: tuple[Path, str], tmp_path: Path
) -> None:
    lock = built[0] / "async-kernel-lock.json"
    assert json.loads(lock.read_text())["packages"].keys() == {"baked", "msgspec", "own", "pulled-in", "shipped-one"}
    done = builder.build(tmp_path, ADDON, lock)
    assert done.returncode == 0, done.stdout + done.stderr
    assert differences(built[0] / "_output", tmp_path / "_output") == []
    assert (tmp_path / lock.name).read_bytes() == lock.read_bytes()


def test_a_package_that_cannot_be_shipped_ends_the_build(builder: Builder, tmp_path: Path) -> None:
    done = builder.build(tmp_path, {"packages": ["msgspec", "needs-linux"]})
    assert done.returncode != 0
    why = "there is no wheel for WebAssembly (pyemscripten_2026_0_wasm32), only for manylinux."
    said = f"Cannot ship the package needs-linux: it requires on-linux (by way of needs-linux), and of that {why}"
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_package_that_cannot_be_in_the_snapshot_ends_the_build(builder: Builder, tmp_path: Path) -> None:
    done = builder.build(tmp_path, {"packages": ["msgspec"], "snapshot_packages": ["msgspec"]})
    assert done.returncode != 0
    assert "Cannot put msgspec into the snapshot: it has compiled modules" in done.stdout + done.stderr
