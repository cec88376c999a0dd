"""The built site, beside what every folder of browser tests has."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.chromium import *  # noqa: F403  # the fixtures
from browser.servers import ROOT, Overlay, SiteServer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@pytest.fixture(scope="package")
def site() -> Path:
    """The built site."""
    folder = Path(os.environ.get("ASYNC_KERNEL_SITE", ROOT / "lite-site" / "_output"))
    if not (folder / "lab" / "index.html").is_file():
        pytest.fail(f"There is no built site in {folder}: `npm start` and `npm test` build it", pytrace=False)
    return folder


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
