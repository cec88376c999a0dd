"""How fast the kernel is in a browser, beside the standard Pyodide kernel, in one run.

    .venv/bin/python tests/bench/browser.py [--rounds N] [--write]

Both have the same Pyodide files and the same wheels, each from a site of its own on this machine. The rounds of the
two are interleaved; each begins with an empty cache. The slow line is one of 20 Mbit/s with 40 ms of latency to a host
that compresses: the servers keep to it, since what Chromium's devtools set does not reach the workers of a worker. The
figures are medians in milliseconds, and their ratio. They are also written, with every round, to
tests/_artifacts/bench-browser.json, and with `--write` into the documentation. What messages take is measured through
JupyterLab's connection to the kernel. The start beside large files is measured for ours only: the other takes minutes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import report
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from browser.chromium import CHROMIUM, FLAGS  # noqa: E402  # found by the line above
from browser.servers import SiteServer  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Generator

    from playwright.sync_api import Browser, Page

DIST = ROOT / "js" / "dist"
OURS = ROOT / "lite-site" / "_output"
PEER = ROOT / "lite-site" / "_build" / "peer"
EXTENSION = Path(sys.prefix) / "share/jupyter/labextensions/@jupyterlite/pyodide-kernel-extension"
RESULT = ROOT / "tests" / "_artifacts" / "bench-browser.json"
TIMEOUT = 120_000

FIGURES = {
    "page": "page load to first output (REPL)",
    "slow page": "page load to first output, slow line",
    "cold": "kernel start to first result, empty cache",
    "cold alone": "the same, nothing loaded with the page",
    "warm": "kernel start to first result, full cache",
    "restart": "restart to first result",
    "execute": "execute",
    "kernel_info": "kernel_info",
    "complete": "completion",
    "pipelined": "1,000 executes at once",
    "lines": "20,000 printed lines",
    "displays": "2,000 displays",
    "comm": "comm round trip",
    "large comm": "comm round trip with 10 MB",
    "awaits info": "kernel_info while a cell awaits",
    "awaits complete": "completion while a cell awaits",
    "computes info": "kernel_info while a cell computes for a second",
    "computes complete": "completion while a cell computes for a second",
}
SLOW = "20,40"
"""Mbit/s, milliseconds."""
RESULT_OF = """
    const resultOf = (kernel) => new Promise((resolve) => {
        kernel.requestExecute({ code: "40 + 2" }).onIOPub = (message) => {
            if (message.header.msg_type === "execute_result") resolve();
        };
    });
"""
FIRST_OUTPUT = """new MutationObserver(() => {
    const outputs = [...document.querySelectorAll(".jp-OutputArea-output")];
    if (outputs.some(({ textContent }) => textContent.includes("first output"))) {
        window.firstOutput ??= performance.now();
    }
}).observe(document, { subtree: true, childList: true, characterData: true })"""
"""Noted by the page itself: an observer outside would see it later."""
FIRST_RESULT = (
    "async (name) => {"
    + RESULT_OF
    + """
    const begin = performance.now();
    const kernel = await window.jupyterapp.serviceManager.kernels.startNew({ name });
    await resultOf(kernel);
    const time = performance.now() - begin;
    await kernel.shutdown();
    return time;
}"""
)
FILL_DRIVE = """async () => {
    const { contents } = window.jupyterapp.serviceManager;
    const content = btoa("0".repeat(30e6));
    for (let number = 0; number < 10; number++) {
        await contents.save(`large${number}.bin`, { type: "file", format: "base64", content });
    }
}"""
MESSAGES = """async (name) => {
    const kernel = await window.jupyterapp.serviceManager.kernels.startNew({ name });
    const found = {};
    const milliseconds = async (action) => {
        const begin = performance.now();
        await action();
        return performance.now() - begin;
    };
    const measure = async (figure, repeats, action, during = (measured) => measured()) => {
        const times = [];
        for (let i = 0; i < repeats; i++) times.push(await during(() => milliseconds(action)));
        found[figure] = times.sort((a, b) => a - b)[Math.floor(repeats / 2)];
    };
    const beside = (figure, repeats, code, action) => measure(figure, repeats, action, async (measured) => {
        const future = kernel.requestExecute({ code });
        await new Promise((resolve) => (future.onIOPub = resolve));
        const time = await measured();
        await future.done;
        return time;
    });
    const execute = (code) => kernel.requestExecute({ code }).done;
    const info = () => kernel.requestKernelInfo();
    const complete = () => kernel.requestComplete({ code: "import os; os.pa", cursor_pos: 16 });
    const counting = (code, count, whole) => async () => {
        let counted = 0;
        const future = kernel.requestExecute({ code });
        future.onIOPub = (message) => (counted += count(message));
        await future.done;
        if (counted !== whole) throw new Error(`${name}: ${counted} of ${whole}`);
    };
    const exchange = (comm, buffers) => () => new Promise((resolve) => {
        comm.onMsg = resolve;
        comm.send({}, undefined, buffers);
    });
    await execute(`
def _opened(comm, msg):
    @comm.on_msg
    def _echo(msg):
        comm.send({}, buffers=msg["buffers"])
import comm as _comm
_comm.get_comm_manager().register_target("echo", _opened)`);
    await execute("pass");
    await measure("execute", 200, () => execute("pass"));
    await measure("kernel_info", 200, info);
    await measure("complete", 10, complete);
    await measure("pipelined", 1, () => Promise.all(Array.from({ length: 1000 }, () => execute("pass"))));
    const text = ({ content }) => (content.text ?? "").split("\\n").length - 1;
    await measure("lines", 1, counting("for i in range(20_000): print('line', i)", text, 20_000));
    const shown = "from IPython.display import display\\nfor i in range(2_000): display(i)";
    const isShown = ({ header }) => header.msg_type === "display_data";
    await measure("displays", 1, counting(shown, isShown, 2_000));
    const comm = kernel.createComm("echo");
    await comm.open().done;
    await measure("comm", 30, exchange(comm));
    await measure("large comm", 3, exchange(comm, [new ArrayBuffer(10_000_000)]));
    const awaits = "import asyncio\\nawait asyncio.sleep(1)";
    const computes = "import time\\nend = time.monotonic() + 1\\nwhile time.monotonic() < end: pass";
    for (const [name, code] of Object.entries({ awaits, computes })) {
        await beside(`${name} info`, 5, code, info);
        await beside(`${name} complete`, 3, code, complete);
    }
    await kernel.shutdown();
    return found;
}"""
RESTART = (
    "async (name) => {"
    + RESULT_OF
    + """
    const kernel = await window.jupyterapp.serviceManager.kernels.startNew({ name });
    await resultOf(kernel);
    const begin = performance.now();
    await kernel.restart();
    await resultOf(kernel);
    const time = performance.now() - begin;
    await kernel.shutdown();
    return time;
}"""
)


@dataclass
class Contender:
    """A kernel, and the site that has it."""

    name: str
    kernelspec: str
    site: Path


def build_peer() -> None:
    """Build the site of the standard kernel, with our copies of Pyodide and of the wheels."""
    lite_dir = PEER / "lite"
    shutil.rmtree(PEER, ignore_errors=True)
    lite_dir.mkdir(parents=True)
    settings = {"pyodideUrl": "./pyodide/pyodide.mjs", "disablePyPIFallback": True}
    site = {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {
            "exposeAppInBrowser": True,
            "litePluginSettings": {"@jupyterlite/pyodide-kernel-extension:kernel": settings},
        },
    }
    (lite_dir / "jupyter-lite.json").write_text(json.dumps(site))
    config = {
        "ignore_sys_prefix": ["federated_extensions"],
        "federated_extensions": [str(EXTENSION)],
        "disable_addons": ["jupyterlite-pyodide-kernel-pyodide", "jupyterlite-pyodide-kernel-lock"],
        "no_sourcemaps": True,
    }
    (lite_dir / "jupyter_lite_config.json").write_text(json.dumps({"LiteBuildConfig": config}))
    command = [sys.executable, "-m", "jupyterlite_core", "build", "--output-dir", str(PEER / "site")]
    subprocess.run(command, cwd=lite_dir, check=True, capture_output=True)
    pyodide = PEER / "site" / "pyodide"
    shutil.copytree(ROOT / "node_modules" / "pyodide", pyodide, dirs_exist_ok=True)
    lock = json.loads((pyodide / "pyodide-lock.json").read_text())
    manifest = json.loads((DIST / "wheels" / "manifest.json").read_text())
    for name, wheel in manifest["wheels"].items():
        shutil.copy(DIST / "wheels" / wheel["file"], pyodide)
        lock["packages"][name] = lock_entry(name, wheel)
    (pyodide / "pyodide-lock.json").write_text(json.dumps(lock))


def lock_entry(name: str, wheel: dict[str, Any]) -> dict[str, Any]:
    """A wheel of our manifest as Pyodide's lock names it."""
    return {
        "name": name,
        "version": wheel["version"],
        "file_name": wheel["file"],
        "sha256": wheel["sha256"],
        "depends": wheel["requires"],
        "imports": [name.replace("-", "_")],
        "install_dir": "site",
        "package_type": "package",
        "unvendored_tests": False,
    }


def measure(browser: Browser, contender: Contender, url: str, slow_url: str) -> dict[str, float]:
    """One round, in contexts of its own: milliseconds by figure."""
    with new_page(browser) as page:
        first = first_output(page, contender, url)
    with new_page(browser) as page:
        slow = first_output(page, contender, slow_url)
    with new_page(browser) as page:
        open_lab(page, url, "&kernel=another")  # Python is loaded with the page where that kernel will be wanted
        alone = float(page.evaluate(FIRST_RESULT, contender.kernelspec))
    with new_page(browser) as page:
        open_lab(page, url)
        cold, warm = (float(page.evaluate(FIRST_RESULT, contender.kernelspec)) for _ in range(2))
        restart = float(page.evaluate(RESTART, contender.kernelspec))
        messages: dict[str, float] = page.evaluate(MESSAGES, contender.kernelspec)
    start = {"page": first, "slow page": slow, "cold": cold, "cold alone": alone, "warm": warm, "restart": restart}
    return start | messages


def measure_full_drive(browser: Browser, contender: Contender, url: str, rounds: int) -> list[float]:
    """Milliseconds to the first result, from the second kernel of a page on."""
    with new_page(browser) as page:
        open_lab(page, url)
        page.evaluate(FILL_DRIVE)
        return [float(page.evaluate(FIRST_RESULT, contender.kernelspec)) for _ in range(rounds + 1)][1:]


def open_lab(page: Page, url: str, more: str = "") -> None:
    page.goto(f"{url}lab/index.html?reset{more}")
    page.wait_for_function("window.jupyterapp?.restored.then(() => true)")


@contextmanager
def new_page(browser: Browser) -> Generator[Page]:
    """A page with an empty cache."""
    context = browser.new_context()
    context.set_default_timeout(TIMEOUT)
    try:
        yield context.new_page()
    finally:
        context.close()


def first_output(page: Page, contender: Contender, url: str) -> float:
    code = quote("print('first output')")
    page.add_init_script(FIRST_OUTPUT)
    page.goto(f"{url}repl/index.html?kernel={contender.kernelspec}&code={code}")
    return float(page.wait_for_function("window.firstOutput").json_value())


def run(rounds: int) -> dict[str, dict[str, list[float]]]:
    """All rounds: milliseconds by contender and figure."""
    contenders = [Contender("async-kernel", "async", OURS), Contender("Pyodide kernel", "python", PEER / "site")]
    times: dict[str, dict[str, list[float]]] = {c.name: {f: [] for f in FIGURES} for c in contenders}
    with ExitStack() as stack:
        urls = {
            contender.name: [stack.enter_context(SiteServer(contender.site, line=line)).url for line in (None, SLOW)]
            for contender in contenders
        }
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for number in range(rounds):
            for contender in contenders:
                found = measure(browser, contender, *urls[contender.name])
                for figure, time in found.items():
                    times[contender.name][figure].append(time)
                told = ", ".join(f"{figure} {time:.0f}" for figure, time in found.items())
                print(f"round {number + 1}: {contender.name}: {told}", flush=True)
        url, _ = urls[contenders[0].name]
        full_drive = measure_full_drive(browser, contenders[0], url, rounds)
        print(f"with ten files of 30 MB in the drive, full cache: {statistics.median(full_drive):.0f}", flush=True)
        browser.close()
    return times


def gains(times: dict[str, dict[str, list[float]]]) -> dict[str, float]:
    """By figure, how much longer the peer takes."""
    ours, peer = times.values()
    return {title: statistics.median(peer[name]) / statistics.median(ours[name]) for name, title in FIGURES.items()}


def table(times: dict[str, dict[str, list[float]]]) -> str:
    """The medians, and how much longer the peer takes."""
    ours, peer = times.values()
    names = list(times)
    lines = [f"| milliseconds, median | {names[0]} | {names[1]} | ratio |", "|---|--:|--:|--:|"]
    for figure, title in FIGURES.items():
        mine, other = statistics.median(ours[figure]), statistics.median(peer[figure])
        lines.append(f"| {title} | {shown(mine)} | {shown(other)} | {other / mine:.1f} |")
    return "\n".join(lines)


def shown(value: float) -> str:
    return f"{value:,.{0 if value >= 100 else 1}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    parser.add_argument("--write", action="store_true", help="put the figures into the documentation")
    options = parser.parse_args()
    if not OURS.exists():
        sys.exit("The site is not built: run `npm start` once.")
    build_peer()
    times = run(options.rounds)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(times, indent=2))
    print(f"\n{table(times)}")
    if options.write:
        report.write("browser", table(times), gains(times))


if __name__ == "__main__":
    main()
