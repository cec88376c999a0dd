"""The code blocks of the documentation's pages."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs/pages").rglob("*.md"))
READMES = [
    ROOT / name for name in ("README.md", "CONTRIBUTING.md", "py/README.md", "js/README.md", "zmq_adapter/README.md")
]
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks(path: Path, language: str) -> list[str]:
    """Those of a page in a language, in their order."""
    found = _BLOCK.findall(path.read_text(encoding="utf-8"))
    return [dedent(text) for _, kind, text in found if kind == language]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
