"""Who may import what: read from the sources, and tried in a fresh process."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import async_kernel
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(async_kernel.__file__).parent
FORBIDDEN = {"zmq", "jupyter_client", "tornado", "pyodide", "pyodide_js", "js", "ipykernel", "async_kernel_zmq"}


def modules() -> dict[str, Path]:
    """Every module of the core, by name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("async_kernel", *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when a module is imported, but for those for type checkers."""
    for statement in body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from top_level(statement.orelse)
        elif isinstance(statement, ast.If | ast.Try | ast.With):
            yield from top_level(statement.body)
            for part in ("orelse", "finalbody"):
                yield from top_level(getattr(statement, part, []))
            for handler in getattr(statement, "handlers", []):
                yield from top_level(handler.body)
        elif isinstance(statement, ast.ClassDef):
            yield from top_level(statement.body)
        else:
            yield statement


def imported(path: Path) -> set[str]:
    """The modules that a module imports when it is imported."""
    names: set[str] = set()
    for statement in top_level(ast.parse(path.read_text()).body):
        if isinstance(statement, ast.Import):
            names.update(alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            assert statement.level == 0, f"{path}: relative import"
            assert statement.module is not None
            for alias in statement.names:
                name = f"{statement.module}.{alias.name}"
                names.add(name if name in MODULES else statement.module)
    return names


def needed(name: str) -> set[str]:
    """The modules of the core that one imports, and the packages that Python imports before these."""
    names = imported(MODULES[name]) & MODULES.keys()
    packages = {package for n in names for package in MODULES if n.startswith(f"{package}.")}
    inside = {package for package in packages if name == package or name.startswith(f"{package}.")}
    return names | (packages - inside)


@pytest.mark.parametrize("name", [name for name in MODULES if "_browser" not in name])
def test_the_core_names_no_transport_and_no_browser(name: str) -> None:
    assert {n.partition(".")[0] for n in imported(MODULES[name])} & FORBIDDEN == set()


def test_importing_the_core_loads_no_transport_and_no_browser() -> None:
    names = [name for name in MODULES if "_browser" not in name]
    program = (
        f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\n"
        f"print(sorted({FORBIDDEN} & {{n.partition('.')[0] for n in sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [name for name in MODULES if "_browser" not in name])
def test_no_cycle_of_imports(name: str) -> None:
    way = way_back(name)
    assert way is None, f"a cycle of imports: {' imports '.join(way)}"


def way_back(start: str) -> list[str] | None:
    """How a module comes to import itself."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for name in sorted(needed(way[-1])):
            if name == start:
                return [*way, name]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return None


def public_namespaces() -> list[str]:
    return [name for name in MODULES if not any(part.startswith("_") for part in name.split("."))]


def test_every_public_name_is_in_one_public_namespace() -> None:
    homes: dict[str, list[str]] = {}
    for namespace in public_namespaces():
        for name in importlib.import_module(namespace).__all__:
            homes.setdefault(name, []).append(namespace)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


@pytest.mark.parametrize("namespace", public_namespaces())
def test_public_names_are_there_and_documented(namespace: str) -> None:
    module = importlib.import_module(namespace)
    assert module.__doc__
    for name in module.__all__:
        obj = getattr(module, name)
        assert name.startswith("__") or obj.__doc__, f"{namespace}.{name} has no docstring"


@pytest.mark.parametrize("namespace", [n for n in public_namespaces() if MODULES[n].name == "__init__.py"])
def test_packages_only_re_export(namespace: str) -> None:
    body = ast.parse(MODULES[namespace].read_text()).body
    kinds = {type(s).__name__ for s in body[1:]}
    assert kinds <= {"ImportFrom", "Assign"}, f"{namespace} does more than to re-export"


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is(name: str) -> None:
    assert ast.get_docstring(ast.parse(MODULES[name].read_text())) or name.endswith("_version")
