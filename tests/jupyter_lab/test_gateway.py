"""JupyterLab whose kernels run elsewhere, behind a Jupyter Kernel Gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from jupyter_lab.servers import Gateway, LabServer

if TYPE_CHECKING:
    from collections.abc import Generator

    from browser.chromium import OpenLab
    from browser.documents import Notebook

WITHOUT_SUBPROTOCOL = """
window.WebSocket = class extends WebSocket {
    constructor(url) {
        super(url);
    }
};
"""
"""JupyterLab first asks for a subprotocol that connections to gateways lack. The browser gives that one up, but the
server goes on to the gateway for both, with one identity: chance decides which the kernel hears, ipykernel too.
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Generator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def remote_server(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Generator[LabServer]:
    with LabServer(tmp_path_factory.mktemp("remote"), f"--gateway-url={gateway.url}") as server:
        yield server
        assert not server.kernel_processes


@pytest.fixture
def notebook(remote_server: LabServer, empty_lab: OpenLab) -> Generator[Notebook]:
    lab = empty_lab(remote_server.url)
    lab.page.add_init_script(WITHOUT_SUBPROTOCOL)
    lab.open()
    yield lab.new_notebook()
    remote_server.end_kernels()


def test_cells_widgets_and_interrupts_by_a_gateway(notebook: Notebook, gateway: Gateway) -> None:
    (process,) = gateway.kernel_processes
    expect(notebook.run("import os\nprint('printed')\nos.getpid()").outputs).to_have_text(["printed", str(process.pid)])

    cell = notebook.run(
        "from ipywidgets import IntSlider\n"
        "slider = IntSlider(value=3, max=20)\n"
        "slider.observe(lambda change: print(change.old, '->', change.new), names='value')\n"
        "slider"
    )
    cell.root.locator(".noUi-handle").press("ArrowRight")
    cell.printed(["3 -> 4"])
    notebook.run("slider.value = 7")
    expect(cell.root.locator(".widget-readout")).to_have_text("7")

    loop = notebook.start("print('begins')\nwhile True:\n    pass")
    loop.shows("begins")
    notebook.interrupt()
    expect(loop.error).to_contain_text("KeyboardInterrupt")
    asking = notebook.start("input('Who? ')")
    asking.root.locator(".jp-Stdin-input").fill("me")
    asking.root.locator(".jp-Stdin-input").press("Enter")
    asking.shows("'me'")
