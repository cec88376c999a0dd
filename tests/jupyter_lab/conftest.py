"""One JupyterLab for all tests, its kernels, and what every folder of browser tests has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from async_kernel_zmq.kernelspec import write_kernel_spec
from browser.chromium import *  # noqa: F403  # the fixtures
from browser.lab import KERNEL

from jupyter_lab.servers import LabServer

if TYPE_CHECKING:
    from collections.abc import Generator

    from browser.documents import Notebook
    from browser.lab import Lab

TRIO = "Python (async-trio)"


@pytest.fixture(scope="package")
def server(ipython_dir: None, tmp_path_factory: pytest.TempPathFactory) -> Generator[LabServer]:
    """JupyterLab with the kernelspec of the installed wheel, `async`, and one for trio."""
    folder = tmp_path_factory.mktemp("lab")
    write_kernel_spec(folder / "data" / "kernels", name="async-trio", options=["--backend=trio"])
    with LabServer(folder) as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def kernels_end(server: LabServer) -> Generator[None]:
    """No kernel outlasts the tests of a module."""
    yield
    server.end_kernels()


@pytest.fixture(scope="module", params=[KERNEL, TRIO], ids=["asyncio", "trio"])
def shared_notebook(shared_lab: Lab, request: pytest.FixtureRequest) -> Notebook:
    """A notebook, and so a kernel, for the tests of a module. Each adds cells of its own."""
    return shared_lab.new_notebook(request.param)


@pytest.fixture
def notebook(shared_notebook: Notebook) -> Notebook:
    """The notebook of the module, in front."""
    shared_notebook.activate()
    return shared_notebook
