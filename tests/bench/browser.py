"""How fast the kernel is in a browser, beside the standard Pyodide kernel, in one run.

    .venv/bin/python tests/bench/browser.py [--rounds N] [--write]

Both have the same Pyodide files and the same wheels, each from a site of its own on this machine. The rounds of the
two are interleaved; each begins with an empty cache. The slow line is one of 20 Mbit/s with 40 ms of latency to a host
that compresses: the servers keep to it, since what Chromium's devtools set does not reach the workers of a worker. The
figures are medians, and their ratio. They are also written, with every round, to
tests/_artifacts/bench-browser.json, and with `--write` into the documentation. What messages take is measured through
JupyterLab's connection to the kernel. `floor` is a kernel of the same site that only answers. Memory is what the
processes of the page have for themselves. The start beside large files is measured for ours only: the other takes
minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psutil
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
PAGE = Path(__file__).with_name("page.js")
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
    "interrupt": "interrupt of a loop",
    "memory": "memory of the page after the start, MB",
    "memory after": "memory of the page after all of it, MB",
}
SLOW = "20,40"
"""Mbit/s, milliseconds."""
TIME_OF_START = "name => bench.timeOfStart(name)"
FIRST_OUTPUT = """new MutationObserver(() => {
    const outputs = [...document.querySelectorAll(".jp-OutputArea-output")];
    if (outputs.some(({ textContent }) => textContent.includes("first output"))) {
        window.firstOutput ??= performance.now();
    }
}).observe(document, { subtree: true, childList: true, characterData: true })"""
"""Noted by the page itself: an observer outside would see it later."""


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
    """One round, in contexts of its own: milliseconds or megabytes by figure."""
    name = contender.kernelspec
    with new_page(browser) as page:
        first = first_output(page, contender, url)
    with new_page(browser) as page:
        slow = first_output(page, contender, slow_url)
    with new_page(browser) as page:
        open_lab(page, url, "&kernel=another")  # Python is loaded with the page where that kernel will be wanted
        alone = float(page.evaluate(TIME_OF_START, name))
    with new_page(browser) as page:
        open_lab(page, url)
        cold, warm = (float(page.evaluate(TIME_OF_START, name)) for _ in range(2))
        restart = float(page.evaluate("name => bench.timeOfRestart(name)", name))
        page.evaluate("name => bench.start(name)", name)
        memory = megabytes(browser)
        messages: dict[str, float] = page.evaluate("bench.basic()") | page.evaluate("bench.messages()")
        memory_after = megabytes(browser)
    start = {"page": first, "slow page": slow, "cold": cold, "cold alone": alone, "warm": warm, "restart": restart}
    return start | messages | {"memory": memory, "memory after": memory_after}


def measure_floor(browser: Browser, url: str) -> dict[str, float]:
    """The same of the kernel that only answers, as far as it does."""
    with new_page(browser) as page:
        open_lab(page, url)
        page.evaluate("bench.addFloor()")
        cold, warm = (float(page.evaluate(TIME_OF_START, "floor")) for _ in range(2))
        page.evaluate("bench.start('floor')")
        found: dict[str, float] = page.evaluate("bench.basic()")
    return {"cold": cold, "warm": warm, **found}


def megabytes(browser: Browser) -> float:
    """What the processes of the open pages have for themselves."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return (
        sum(psutil.Process(each["id"]).memory_full_info().uss for each in processes if each["type"] == "renderer") / 1e6
    )


def measure_full_drive(browser: Browser, url: str, rounds: int) -> list[float]:
    """Milliseconds to the first result of ours, from the second kernel of a page on."""
    with new_page(browser) as page:
        open_lab(page, url)
        page.evaluate("bench.fillDrive()")
        return [float(page.evaluate(TIME_OF_START, "async")) for _ in range(rounds + 1)][1:]


def open_lab(page: Page, url: str, more: str = "") -> None:
    page.goto(f"{url}lab/index.html?reset{more}")
    page.wait_for_function("window.jupyterapp?.restored.then(() => true)")


@contextmanager
def new_page(browser: Browser) -> Generator[Page]:
    """A page with an empty cache."""
    context = browser.new_context()
    context.set_default_timeout(TIMEOUT)
    try:
        context.add_init_script(path=PAGE)
        yield context.new_page()
    finally:
        context.close()


def first_output(page: Page, contender: Contender, url: str) -> float:
    code = quote("print('first output')")
    page.add_init_script(FIRST_OUTPUT)
    page.goto(f"{url}repl/index.html?kernel={contender.kernelspec}&code={code}")
    return float(page.wait_for_function("window.firstOutput").json_value())


def run(rounds: int) -> dict[str, dict[str, list[float]]]:
    """All rounds: milliseconds or megabytes by contender and figure."""
    contenders = [Contender("async-kernel", "async", OURS), Contender("Pyodide kernel", "python", PEER / "site")]
    times: dict[str, dict[str, list[float]]] = {name: {} for name in (*(each.name for each in contenders), "floor")}
    with ExitStack() as stack:
        urls = {
            contender.name: [stack.enter_context(SiteServer(contender.site, line=line)).url for line in (None, SLOW)]
            for contender in contenders
        }
        url, _ = urls[contenders[0].name]
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

        def note(number: int, name: str, found: dict[str, float]) -> None:
            for figure, time in found.items():
                times[name].setdefault(figure, []).append(time)
            told = ", ".join(f"{figure} {time:.1f}" for figure, time in found.items())
            print(f"round {number + 1}: {name}: {told}", flush=True)

        for number in range(rounds):
            for contender in contenders:
                note(number, contender.name, measure(browser, contender, *urls[contender.name]))
            note(number, "floor", measure_floor(browser, url))
        full_drive = measure_full_drive(browser, url, rounds)
        print(f"with ten files of 30 MB in the drive, full cache: {statistics.median(full_drive):.0f}", flush=True)
        browser.close()
    return times


def gains(times: dict[str, dict[str, list[float]]]) -> dict[str, float]:
    """By figure, how many times longer, or more, the peer takes: those that both have."""
    ours, peer, _ = ({name: statistics.median(each) for name, each in found.items()} for found in times.values())
    return {title: peer[name] / ours[name] for name, title in FIGURES.items() if math.isfinite(peer[name])}


def table(times: dict[str, dict[str, list[float]]]) -> str:
    """The medians, and how many times longer, or more, the peer takes."""
    gained = gains(times)
    lines = [f"| milliseconds, median | {' | '.join(times)} | ratio |", f"|---|{'--:|' * (len(times) + 1)}"]
    for figure, title in FIGURES.items():
        cells = [shown(statistics.median(found[figure])) if figure in found else "" for found in times.values()]
        ratio = f"{gained[title]:.1f}" if title in gained else ""
        lines.append(f"| {title} | {' | '.join(cells)} | {ratio} |")
    return "\n".join(lines)


def shown(value: float) -> str:
    return f"{value:,.{0 if value >= 100 else 1}f}" if math.isfinite(value) else "never"


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
