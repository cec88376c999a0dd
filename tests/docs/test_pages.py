"""The documentation builds without a warning, and its code runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml
from jupyter_client.manager import start_new_kernel

from docs.blocks import PAGES, READMES, ROOT, blocks, name

if TYPE_CHECKING:
    from pathlib import Path


def having(language: str) -> list[Path]:
    return [path for path in [*PAGES, *READMES] if blocks(path, language)]


def test_the_site_builds(tmp_path: Path) -> None:
    """With all links, anchors and public names: what is missing is a warning, and an error here."""
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "-f",
        str(ROOT / "docs/mkdocs.yml"),
        "-d",
        str(tmp_path),
    ]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    configuration = (tmp_path / "reference/configuration/index.html").read_text()
    assert all(f"<code>{trait}</code>" in configuration for trait in ("backend", "timeout", "help_links", "transport"))


@pytest.mark.parametrize("path", having("python"), ids=name)
def test_python(path: Path) -> None:
    """One after another, as the cells of a notebook."""
    manager, client = start_new_kernel(kernel_name="async")
    try:
        for code in blocks(path, "python"):
            content = client.execute_interactive(code, timeout=60)["content"]
            assert content["status"] == "ok", (code, content)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


@pytest.mark.parametrize("path", having("json"), ids=name)
def test_json(path: Path) -> None:
    for text in blocks(path, "json"):
        json.loads(text)


@pytest.mark.parametrize("path", having("yaml"), ids=name)
def test_yaml(path: Path) -> None:
    for text in blocks(path, "yaml"):
        assert isinstance(yaml.safe_load(text), dict)
