"""The ways in which a busy kernel hears from the page, and the pages that have each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from browser.servers import Overlay, SiteServer

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from browser.chromium import LabMaker
    from browser.lab import Lab

WORKER = "extensions/**/worker.mjs"
WITHOUT_JSPI = b"delete WebAssembly.Suspending; delete WebAssembly.promising;\n"


@dataclass(frozen=True)
class Row:
    """A row of the capability table."""

    name: str
    """As `kernel.capabilities` calls it."""
    jspi: bool = False
    isolated: bool = False
    service_worker: bool = True

    def open_lab(self, stack: ExitStack, lab_maker: LabMaker, site: Path, folder: Path) -> Lab:
        """A page with no more than what this row has. Closed with `stack`."""
        overlay = Overlay(folder, site)
        if not self.jspi:
            worker = overlay.find(WORKER)
            overlay.replace(worker, WITHOUT_JSPI + (site / worker).read_bytes())
        server = stack.enter_context(SiteServer(site, isolated=self.isolated, overlay=folder))
        lab = lab_maker(stack, server.url, service_workers="allow" if self.service_worker else "block")
        lab.open()
        return lab


ROWS = (
    Row("stack switching", jspi=True),
    Row("shared memory", isolated=True),
    Row("service worker"),
    Row("none", service_worker=False),
)
