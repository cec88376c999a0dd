"""What every Python test has: the backend, and a home directory of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--without-snapshot", action="store_true", help="the browser tests' site has its snapshot off")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def ipython_dir(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Keep the developer's own IPython profile and history out of the tests, and the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        for name in ("MPLBACKEND", "UV_PROJECT_ENVIRONMENT"):  # the interface sets them where they are unset
            patch.setenv(name, os.environ.get(name, ""))
        yield
