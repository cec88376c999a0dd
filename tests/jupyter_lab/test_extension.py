"""The extension for JupyterLite, which JupyterLab loads too where both are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from browser.chromium import OpenLab


def test_nothing_of_pythons_is_loaded(empty_lab: OpenLab) -> None:
    lab = empty_lab()
    asked: list[str] = []
    lab.page.context.on("request", lambda request: asked.append(request.url))
    lab.open()
    ours = [url for url in asked if "/async-kernel-lite/" in url]
    assert any("/remoteEntry." in url for url in ours)
    assert not [url for url in ours if url.endswith((".mjs", ".wasm"))]
