"""What `jupyter lite build` finds for a site's packages: wheels for Pyodide, or an error that says why not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from async_kernel_lite._closure import Closure
from async_kernel_lite._errors import PackageError
from async_kernel_lite._lock import read_lock, write_lock
from async_kernel_lite._resolve import Pin, fetch, resolve
from async_kernel_lite._target import PyodidePackage, Target
from async_kernel_lite._wheels import Wheel
from packages import PackageIndex, make_wheel

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

PYTHON = {"abi_version": "2026_0", "arch": "wasm32", "platform": "emscripten_5_0_3", "python": "3.14.2"}
TARGET = Target(
    PYTHON, {"numeric": PyodidePackage("2.0", ("numeric-base",)), "numeric-base": PyodidePackage("1.0", ())}
)
SHIPPED = {"there-already": "1.0"}
LINUX = "cp314-cp314-manylinux_2_17_x86_64"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Generator[PackageIndex]:
    made = tmp_path_factory.mktemp("made")
    wheels = [
        make_wheel(made, "plain"),
        make_wheel(made, "plain", "2.0"),
        make_wheel(made, "many", requires=["plain<2", "on-linux; sys_platform == 'linux'", "more; extra == 'all'"],
                   extras=["all"]),
        make_wheel(made, "more", requires=["numeric", "there-already"]),
        make_wheel(made, "on-linux", tag=LINUX),
        make_wheel(made, "needs-linux", requires=["on-linux"]),
        make_wheel(made, "needs-missing", requires=["missing"]),
        make_wheel(made, "needs-newer", requires=["there-already>=2"]),
        make_wheel(made, "compiled", tag="cp314-cp314-pyemscripten_2026_0_wasm32"),
        make_wheel(made, "old-abi", tag="cp312-cp312-pyemscripten_2024_0_wasm32"),
        make_wheel(made, "numeric-base", "9.0"),
        make_wheel(made, "there-already", "2.0"),
        make_wheel(made, "widgets", requires=["widgetsnbextension", "jupyterlab-widgets~=3.0"]),
        make_wheel(made, "widgetsnbextension"),
        make_wheel(made, "jupyterlab-widgets", "3.0.1"),
    ]  # fmt: skip
    with PackageIndex(tmp_path_factory.mktemp("index"), wheels) as index, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_INDEX_URL", index.simple)
        patch.setenv("PIP_CONFIG_FILE", "/dev/null")
        yield index


@pytest.fixture(scope="module")
def shipped_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shipped")
    make_wheel(folder, "there-already")
    return folder


def found(requirements: list[str], shipped_in: Path) -> dict[str, str]:
    return {pin.name: pin.version for pin in resolve(requirements, TARGET, SHIPPED, shipped_in)}


@pytest.mark.usefixtures("index")
def test_versions_extras_and_markers_are_those_of_pyodide(shipped_in: Path) -> None:
    assert found(["plain"], shipped_in) == {"plain": "2.0"}
    assert found(["many"], shipped_in) == {"many": "1.0", "plain": "1.0"}
    assert found(["many[all]", "compiled"], shipped_in) == {
        "compiled": "1.0",
        "many": "1.0",
        "more": "1.0",
        "numeric-base": "9.0",
        "plain": "1.0",
    }


@pytest.mark.usefixtures("index")
def test_wheels_by_path_and_address(index: PackageIndex, shipped_in: Path, tmp_path: Path) -> None:
    own = make_wheel(tmp_path, "own", requires=["more"])
    pins = resolve([str(own), f"{index.url}/files/plain-1.0-py3-none-any.whl"], TARGET, SHIPPED, shipped_in)
    assert [(pin.name, pin.source is None) for pin in pins][-2:] == [("own", False), ("plain", False)]
    paths = fetch(pins, TARGET, tmp_path / "cache")
    assert [Wheel(path).name for path in paths] == [pin.name for pin in pins]


REASONS = {
    "needs-linux": r"Cannot ship the package needs-linux: it requires on-linux \(by way of needs-linux.*\), "
    r"and of that there is no wheel for WebAssembly \(pyemscripten_2026_0_wasm32\), only for manylinux",
    "needs-missing": r"needs-missing: it requires missing \(by way of needs-missing.*not found",
    "old-abi": r"old-abi: the wheels for WebAssembly have another ABI \(cp312-cp312-pyemscripten_2024_0_wasm32\)",
    "plain>=3": r"plain>=3: there is no such version for Pyodide; the latest are 1.0, 2.0",
    "needs-newer": r"needs-newer 1.0 depends on there-already>=2.*The site has there-already 1.0, which cannot be",
}


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("requirement", REASONS)
def test_an_error_names_the_package_what_blocks_and_why(requirement: str, shipped_in: Path) -> None:
    with pytest.raises(PackageError, match=REASONS[requirement]):
        resolve([requirement], TARGET, SHIPPED, shipped_in)


@pytest.mark.usefixtures("index")
def test_of_several_the_one_that_is_to_blame_is_named(shipped_in: Path) -> None:
    with pytest.raises(PackageError, match=r"Cannot ship the package old-abi: "):
        resolve(["compiled", "old-abi"], TARGET, SHIPPED, shipped_in)


@pytest.mark.usefixtures("index")
def test_packages_that_do_not_go_together_are_named(shipped_in: Path) -> None:
    with pytest.raises(PackageError, match=r"many, plain>=2 cannot be shipped together: .*many 1.0 depends on plain<2"):
        resolve(["many", "plain>=2"], TARGET, SHIPPED, shipped_in)


def test_an_index_that_cannot_be_reached_is_said(shipped_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(PackageError, match=r"plain: .*http://127.0.0.1:9/simple/plain/ cannot be read \(.*refused"):
        resolve(["plain"], TARGET, SHIPPED, shipped_in)


@pytest.mark.usefixtures("index")
def test_a_lock_is_followed_as_long_as_it_fits(shipped_in: Path, tmp_path: Path) -> None:
    lock, cache = tmp_path / "lock.json", tmp_path / "cache"
    pins = resolve(["many[all]", "compiled"], TARGET, SHIPPED, shipped_in)
    closure = Closure(TARGET, SHIPPED, {wheel.name: wheel for wheel in map(Wheel, fetch(pins, TARGET, cache))})
    closure.add(["many[all]", "compiled"])
    write_lock(lock, closure)
    content = json.loads(lock.read_text())
    assert content["info"] == PYTHON
    assert content["packages"]["more"]["depends"] == ["numeric", "there-already"]
    # required by a package of Pyodide's alone, and so left to Pyodide
    assert content["packages"].keys() == {"compiled", "many", "more", "plain"}
    assert read_lock(lock, Target({**PYTHON, "abi_version": "2027_0"}, {}), []) is None

    locked = read_lock(lock, TARGET, ["many[all]", "compiled"])
    assert locked is not None
    closure = Closure(TARGET, SHIPPED, {wheel.name: wheel for wheel in map(Wheel, fetch(locked, TARGET, cache))})
    closure.add(["many"])
    assert closure.requires == {"many": {"plain"}, "plain": set()}
    assert closure.requested == {"many": "many"}
    assert closure.impure("many") is None
    closure.add(["compiled", "many[all]"])
    assert closure.impure("compiled") == "compiled"
    assert closure.impure("many") == "numeric"
    with pytest.raises(PackageError, match=r"plain>=2, required by .*, is there in version 1\.0"):
        closure.add(["plain>=2"])


@pytest.mark.usefixtures("index")
def test_a_wheel_that_is_not_the_locked_one_is_refused(tmp_path: Path) -> None:
    pin = Pin("plain", "1.0", "plain-1.0-py3-none-any.whl", "0" * 64)
    with pytest.raises(PackageError, match=r"plain 1\.0.*HASHES"):
        fetch([pin], TARGET, tmp_path)


@pytest.mark.usefixtures("index")
def test_front_end_packages_are_left_to_the_page(shipped_in: Path, tmp_path: Path) -> None:
    pins = resolve(["widgets"], TARGET, SHIPPED, shipped_in)
    closure = Closure(TARGET, SHIPPED, {wheel.name: wheel for wheel in map(Wheel, fetch(pins, TARGET, tmp_path))})
    closure.add(["widgets"])
    assert closure.requires == {"widgets": set()}
