"""A kernel in a page without Jupyter, by the npm package's `startKernel`."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from browser.servers import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from browser.chromium import OpenLab
    from browser.servers import Overlay

PAGE = """<!doctype html>
<title>A page with a kernel</title>
<button id="stop">Stop</button> <output id="state"></output> <pre id="out"></pre>
<script type="module">
    import { startKernel } from "./bridge.mjs";
    const session = crypto.randomUUID();
    const out = document.querySelector("#out");
    const files = "./extensions/async-kernel-lite/static/";
    const message = (channel, msg_type, content, parent_header = {}) => ({
        channel, parent_header, content, metadata: {},
        header: {
            msg_id: crypto.randomUUID(), msg_type, session, username: "", version: "5.4",
            date: new Date().toISOString(),
        },
    });
    const kernel = await startKernel({
        pyodideUrl: files + "pyodide/", workerUrl: files + "worker.mjs", wheels: files + "wheels/manifest.json",
        onMessage: ({ header, content }) => {
            out.append(content.text ?? content.ename ?? "");
            if (header.msg_type !== "input_request") return;
            const box = document.createElement("input");
            box.type = content.password ? "password" : "text";
            box.onchange = () => {
                kernel.handleMessage(message("stdin", "input_reply", { value: box.value }, header));
                box.remove();
            };
            document.body.append(content.prompt, box);
        },
    });
    window.run = (code) => kernel.handleMessage(message("shell", "execute_request", { code, allow_stdin: true }));
    document.querySelector("#stop").onclick = () => kernel.interrupt();
    await kernel.ready;
    document.querySelector("#state").value = kernel.capabilities.interrupt;
</script>
"""

ASKS = {
    "Ada": ("print('Hello', input('Who? '))", "input[type=text]"),
    "Grace": ("import getpass\nprint('Hello', getpass.getpass('Who? '))", "input[type=password]"),
    "Hedy": (
        "import pathlib\n_ = pathlib.Path('asks.py').write_text(\"print('Hello', input('Who? '))\")\nimport asks",
        "input[type=text]",
    ),
}
"""Cells that ask, and the boxes for their answers, by the answers."""


def test_a_page_with_a_kernel(serve: Callable[..., str], empty_lab: OpenLab, overlay: Overlay) -> None:
    (overlay.folder / "embedded.html").write_text(PAGE)
    shutil.copy(ROOT / "js" / "dist" / "bridge.mjs", overlay.folder)
    lab = empty_lab(serve(overlay=overlay.folder))
    page = lab.page
    page.goto(lab.url + "embedded.html")
    expect(page.locator("#state")).to_have_text("stack switching")
    out = page.locator("#out")
    for name, (code, box) in ASKS.items():
        page.evaluate("(code) => run(code)", code)
        page.locator(box).fill(name)
        page.locator(box).press("Enter")
        expect(out).to_contain_text(f"Hello {name}")
    page.evaluate("run(\"print('computing')\\nwhile True: pass\")")
    expect(out).to_contain_text("computing")
    page.locator("#stop").click()
    expect(out).to_contain_text("KeyboardInterrupt")
    page.evaluate('run("print(6 * 7)")')
    expect(out).to_contain_text("42")
