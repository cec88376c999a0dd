"""The other project with this import name."""

from __future__ import annotations

import os
import sys

_NAME = "async-kernel"


def other_project() -> str | None:
    """What is wrong when the distribution `async-kernel` is in this environment too, or None."""
    # A look at the folders first: importing importlib.metadata would slow down each start of a kernel.
    if not any(name.startswith(_NAME.replace("-", "_") + "-") for folder in sys.path for name in _listed(folder)):
        return None
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version(_NAME)
    except PackageNotFoundError:
        return None
    return (
        f"{_NAME} {found}, another project with the same import name and command, is in this environment too, and the "
        f"files of both are mixed: uninstall {_NAME} and jupyter-{_NAME}, then install the one you want"
    )


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder or os.curdir)
    except OSError:  # a zip, or not there
        return []
