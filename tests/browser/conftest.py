"""The built site, beside what every folder of browser tests has."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.chromium import *  # noqa: F403  # the fixtures
from browser.servers import PLUGIN, ROOT, Overlay, SiteServer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@pytest.fixture(scope="package")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = Path(os.environ.get("ASYNC_KERNEL_SITE", ROOT / "lite-site" / "_output"))
    if not (folder / "lab" / "index.html").is_file():
        pytest.fail(f"There is no built site in {folder}: `npm start` and `npm test` build it", pytrace=False)
    if request.config.getoption("--without-snapshot"):
        return without_snapshot(folder, tmp_path_factory.mktemp("site") / "site")
    return folder


def without_snapshot(site: Path, copy: Path) -> Path:
    """The site with its snapshot switched off."""
    shutil.copytree(site, copy)
    config_file = copy / "jupyter-lite.json"
    config = json.loads(config_file.read_bytes())
    config["jupyter-config-data"]["litePluginSettings"][PLUGIN]["snapshotUrl"] = ""
    config_file.write_text(json.dumps(config))
    return copy


@pytest.fixture(scope="package")
def server(site: Path) -> Generator[SiteServer]:
    """The site at the root of its server, without isolation."""
    with SiteServer(site) as server:
        yield server


@pytest.fixture
def overlay(site: Path, tmp_path: Path) -> Overlay:
    folder = tmp_path / "overlay"
    folder.mkdir()
    return Overlay(folder, site)


@pytest.fixture
def serve(site: Path) -> Generator[Callable[..., str]]:
    """Serves the site once more, with options: answers the address."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(SiteServer(site, **options)).url
