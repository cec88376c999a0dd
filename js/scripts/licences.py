"""Collect the licence texts of what the site's wheel and the npm package bundle: `js/dist/licences`, a file a part."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
WHEELS = ROOT / "js/dist/wheels"
LICENCES = ROOT / "js/dist/licences"
_TEXT = re.compile(r"\.dist-info/.*(licen[cs]e|copying|authors|notice)", re.IGNORECASE)


def texts(wheel: Path) -> str:
    """The licence texts of a wheel.

    Raises:
        ValueError: it has none.
    """
    with zipfile.ZipFile(wheel) as files:
        found = [files.read(name).decode() for name in sorted(files.namelist()) if _TEXT.search(name)]
    if not found:
        msg = f"{wheel.name} has no licence"
        raise ValueError(msg)
    return "\n\n".join(found)


def main() -> None:
    """Write them."""
    shutil.rmtree(LICENCES, ignore_errors=True)
    LICENCES.mkdir(parents=True)
    by_part = {wheel.name.partition("-")[0]: texts(wheel) for wheel in sorted(WHEELS.glob("*.whl"))}
    version = json.loads((ROOT / "node_modules/pyodide/package.json").read_text())["version"]
    by_part["pyodide"] = (
        f"Pyodide {version}, https://github.com/pyodide/pyodide, has the licence that follows; Python, which is in it, "
        f"has the one behind that.\n\n{by_part['micropip']}\n\n{by_part['typing_extensions']}"
    )
    by_part["async_kernel_lite"] = (ROOT / "LICENSE").read_text()
    for part, text in by_part.items():
        (LICENCES / f"{part}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
