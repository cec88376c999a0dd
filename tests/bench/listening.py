"""How soon a busy kernel listens, in the built site, where the browser can switch stacks (JSPI).

    .venv/bin/python tests/bench/listening.py [--rounds N]

Figures are medians in milliseconds: from the click on the stop button to the end of the cell, from a
kernel_info_request to its reply while a cell computes, from a key press on a slider to what its callback prints, during
a loop of pure Python. And the share of time that a loop loses because the kernel listens: the median of rounds in
which it runs with, without, without and with. All is written, with every round, to
tests/_artifacts/bench-listening.json.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from browser.chromium import CHROMIUM, FLAGS  # noqa: E402  # found by the line above
from browser.lab import Lab  # noqa: E402
from browser.servers import SiteServer  # noqa: E402

if TYPE_CHECKING:
    from browser.documents import Notebook

SITE = ROOT / "lite-site" / "_output"
RESULT = ROOT / "tests" / "_artifacts" / "bench-listening.json"
TIMEOUT = 120_000

CASES = {
    "while True: pass": "while True: pass",
    "long computation": "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(60)",
    "time.sleep(60)": "import time\ntime.sleep(60)",
    "await asyncio.sleep(60)": "import asyncio\nawait asyncio.sleep(60)",
    "input()": "input()",
    "task-mode cell": "# task\nprint('begins')\nwhile True: pass",
    "library: re": "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
    "library: json": "import json\nwhile True: json.dumps([{'a': i} for i in range(100)], indent=1)",
    "for over itertools.count": "import itertools\nfor _ in itertools.count(): pass",
}
BEGIN = """async (kernel, code) => {
    const future = kernel.requestExecute({ code, allow_stdin: true });
    await new Promise((begins) => {
        future.onIOPub = ({ content }) => content.text?.includes("begins") && begins();
    });
    window.clicked = new Promise((resolve) => {
        window.addEventListener("pointerdown", () => resolve(performance.now()), { capture: true, once: true });
    });
    window.ended = future.done.then(({ content }) => {
        if (content.ename !== "KeyboardInterrupt") throw new Error(JSON.stringify(content));
        return performance.now();
    });
}"""
ENDED = "async () => (await window.ended) - (await window.clicked)"
INFO = """async (kernel, rounds) => {
    const future = kernel.requestExecute({ code: "print('begins')\\nwhile True: pass" });
    await new Promise((begins) => { future.onIOPub = ({ content }) => content.text && begins(); });
    const times = [];
    for (let round = 0; round < rounds; round++) {
        await new Promise((resolve) => setTimeout(resolve, 50 * Math.random()));
        const begin = performance.now();
        await kernel.requestKernelInfo();
        times.push(performance.now() - begin);
    }
    await kernel.interrupt();
    await future.done.catch(() => undefined);
    return times;
}"""
SLIDER = """
from ipywidgets import IntSlider
slider = IntSlider(value=0, max=100)
slider.observe(lambda change: print('moved to', change.new), names='value')
slider
"""
PRESS = """async (rounds) => {
    const handle = document.querySelector(".noUi-handle");
    const output = handle.closest(".jp-Cell-outputArea");
    const times = [];
    for (let round = 1; round <= rounds; round++) {
        await new Promise((resolve) => setTimeout(resolve, 100 * Math.random()));
        const begin = performance.now();
        const shown = new Promise((resolve) => {
            const observer = new MutationObserver(() => {
                if (output.textContent.includes(`moved to ${round}\\n`)) { observer.disconnect(); resolve(); }
            });
            observer.observe(output, { childList: true, subtree: true, characterData: true });
        });
        handle.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
        await shown;
        times.push(performance.now() - begin);
    }
    return times;
}"""
OVERHEAD = """
import pyodide_js, time
buffer = pyodide_js._module.Py_EmscriptenSignalBuffer
def loop(listens):
    pyodide_js.setInterruptBuffer(buffer if listens else None)
    begin, n = time.perf_counter(), 0
    while n < 1_000_000: n += 1
    return time.perf_counter() - begin
for _ in range(%d):
    with_it, without, without_again, again = [loop(listens) for listens in (True, False, False, True)]
    print(100 * ((with_it + again) / (without + without_again) - 1))
pyodide_js.setInterruptBuffer(buffer)
"""


def with_kernel(notebook: Notebook, function: str, argument: Any) -> Any:
    """Call a JavaScript function with the notebook's kernel connection and an argument."""
    return notebook.with_kernel(f"(kernel) => ({function})(kernel, {json.dumps(argument)})")


def stop(notebook: Notebook, code: str) -> float:
    """From the click on the stop button to the end of a cell."""
    with_kernel(notebook, BEGIN, code if "begins" in code else f"print('begins')\n{code}")
    notebook.lab.page.wait_for_timeout(random.uniform(200, 300))
    notebook.interrupt()
    return float(notebook.lab.call(ENDED))


def measure(notebook: Notebook, rounds: int) -> dict[str, list[float]]:
    """All rounds, by figure."""
    times: dict[str, list[float]] = {}
    for name, code in CASES.items():
        times[f"stop: {name}"] = [stop(notebook, code) for _ in range(rounds)]
    times["kernel_info during while True"] = with_kernel(notebook, INFO, 3 * rounds)
    notebook.run(SLIDER).root.locator(".noUi-handle").wait_for()
    busy = notebook.start("import time\nbegin = time.time()\nwhile time.time() - begin < 5: pass")
    times["slider during a loop of 5 s"] = notebook.lab.call(PRESS, rounds)
    busy.ran()
    lost = notebook.run(OVERHEAD % (10 * rounds)).lines
    times["overhead of listening, per cent"] = [float(line) for line in lost]
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="how often each is measured")
    rounds = parser.parse_args().rounds
    if not SITE.exists():
        sys.exit("The site is not built: run `npm start` once.")
    with SiteServer(SITE) as server, sync_playwright() as playwright:
        expect.set_options(timeout=TIMEOUT)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.set_default_timeout(TIMEOUT)
        lab = Lab(page, server.url, server.home)
        lab.open()
        notebook = lab.new_notebook()
        notebook.run("'started'")
        times = measure(notebook, rounds)
        browser.close()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(times, indent=2))
    print("| milliseconds | median | longest |\n|---|--:|--:|")
    for figure, found in times.items():
        print(f"| {figure} | {statistics.median(found):,.1f} | {max(found):,.1f} |")


if __name__ == "__main__":
    main()
