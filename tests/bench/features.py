"""What the kernel can do beside its peers: each line of the README's table is tried on each kernel, in the same way.

    .venv/bin/python tests/bench/features.py [--write]

On the desktop ipykernel and async-kernel from PyPI, in the environments of `desktop.py`; in the browser the standard
Pyodide kernel, on the site of `browser.py`, without special headers. With `--write` the table goes into the README.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import sys
import tempfile
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import desktop as on_desktop
import report
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(on_desktop.ROOT / "tests"))

from bench import browser as in_browser  # found by the line above

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop import Driver

OURS, PEER = "async", "python"
"""The kernelspecs in the browser."""
GUARD = 20.0
"""Seconds after which an answer is taken to be none."""
AWAITS = "import asyncio\nprint('begun')\nawait asyncio.sleep(6)"
SLEEPS = "import time\nprint('begun', flush=True)\ntime.sleep(6)"
COMPUTES = "print('begun', flush=True)\nwhile True: pass"
TASK = """\
import asyncio
async def later():
    await asyncio.sleep(1)
    print("of the task")
task = asyncio.create_task(later())"""
RUN = "import asyncio\nasync def six(): return 6\nprint(7 * asyncio.run(six()))"
IN_TIME = 5.0
"""Seconds: what comes within is an answer beside a cell that takes six."""

# --- on the desktop: each takes a driver, and says whether the kernel can do it


def begun(driver: Driver, code: str) -> str:
    msg_id = driver.execute(code)
    driver.published(lambda message: message["content"].get("text", "").startswith("begun"))
    return msg_id


def in_time(wait: Callable[[], object]) -> bool:
    begin = time.monotonic()
    wait()
    return time.monotonic() - begin < IN_TIME


def completes_beside(code: str) -> Callable[[Driver], bool]:
    def can(driver: Driver) -> bool:
        cell = begun(driver, code)
        answered = in_time(lambda: driver.reply(driver.client.complete("imp", 3)))
        driver.until_idle(cell)
        return answered

    return can


def comm_beside(code: str) -> Callable[[Driver], bool]:
    def can(driver: Driver) -> bool:
        driver.done(driver.execute(on_desktop.COMM))
        content = {"comm_id": "beside", "target_name": "echo", "data": {}}
        driver.until_idle(driver.request("comm_open", content))
        cell = begun(driver, code)
        driver.request("comm_msg", {"comm_id": "beside", "data": {}})
        answered = in_time(lambda: driver.published(lambda message: message["msg_type"] == "comm_msg"))
        driver.until_idle(cell)
        return answered

    return can


def cell_beside(driver: Driver) -> bool:
    cell = begun(driver, AWAITS)
    answered = in_time(lambda: driver.reply(driver.execute("# task\n6 * 7")))
    driver.until_idle(cell)
    return answered


def output_in_its_cell(driver: Driver) -> bool:
    cell = driver.execute(TASK)
    driver.done(cell)
    driver.execute("import asyncio\nfor _ in range(20): await asyncio.sleep(0.1)")
    said = driver.published(lambda message: message["content"].get("text", "").startswith("of the task"))
    return bool(said["parent_header"]["msg_id"] == cell)


def runs_coroutines(driver: Driver) -> bool:
    return "".join(message["content"].get("text", "") for message in driver.done(driver.execute(RUN))) == "42\n"


def stops(code: str) -> Callable[[Driver], bool]:
    def can(driver: Driver) -> bool:
        cell = begun(driver, code)
        driver.manager.interrupt_kernel()
        return bool(driver.reply(cell)["content"]["status"] == "error")

    return can


def loses_nothing(driver: Driver) -> bool:
    return on_desktop.lines(driver) != on_desktop.LOST


def debugs(driver: Driver) -> bool:
    content = {"seq": 1, "type": "request", "command": "initialize", "arguments": {"adapterID": "kernel"}}
    message = driver.client.session.msg("debug_request", content)
    driver.client.control_channel.send(message)
    reply = driver.client.get_control_msg(timeout=int(GUARD))
    return bool(reply["content"].get("success"))


ON_DESKTOP: dict[str, Callable[[Driver], bool]] = {
    "completion while a cell awaits": completes_beside(AWAITS),
    "completion while a cell computes": completes_beside(SLEEPS),
    "widgets (comms) answer while a cell awaits": comm_beside(AWAITS),
    "widgets (comms) answer while a cell computes": comm_beside(SLEEPS),
    "a cell beside one that awaits (`# task`)": cell_beside,
    "a task's output stays in the cell that made it": output_in_its_cell,
    "`asyncio.run()` in a cell": runs_coroutines,
    "the stop button stops a loop": stops(COMPUTES),
    "the stop button stops what a cell awaits": stops(AWAITS.replace("6", "60")),
    "20,000 printed lines, none lost": loses_nothing,
    "debugger": debugs,
}

# --- in the browser: each is a function of a kernel's connection and of helpers, in the page

HELPERS = """
    const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    const inTime = (promise) => Promise.race([promise.then(() => true, () => false), wait(IN_TIME).then(() => false)]);
    const run = (code, forgets = true, heard = () => undefined) => {
        const cell = kernel.requestExecute({ code, allow_stdin: true }, forgets);
        cell.texts = "";
        cell.onIOPub = ({ content }) => {
            cell.texts += content.text ?? "";
            heard(cell);
        };
        return cell;
    };
    const begun = (code) => new Promise((resolve) => {
        run(code, true, (cell) => cell.texts.startsWith("begun") && resolve({ cell }));
    });
    const textsOf = async (code) => {
        const cell = run(code);
        await cell.done;
        return cell.texts;
    };
    const stops = async (code) => {
        const { cell } = await begun(code);
        void kernel.interrupt();
        return (await cell.done).content.status === "error";
    };
    const completes = async (code) => {
        await begun(code);
        return inTime(kernel.requestComplete({ code: "imp", cursor_pos: 3 }));
    };
    const comms = async (code) => {
        await kernel.requestExecute({ code: COMM }).done;
        const comm = kernel.createComm("echo");
        await comm.open().done;
        await begun(code);
        const answer = new Promise((resolve) => (comm.onMsg = resolve));
        comm.send({});
        return inTime(answer);
    };
    const outputInItsCell = async () => {
        const cell = run(TASK, false);
        await cell.done;
        const other = await textsOf("import asyncio\\nfor _ in range(20): await asyncio.sleep(0.1)");
        return !other.includes("of the task") && cell.texts.includes("of the task");
    };
    const asksInput = () => new Promise((resolve) => {
        const cell = run("print('got', input())", true, ({ texts }) => texts === "got it\\n" && resolve(true));
        cell.onStdin = ({ header }) => kernel.sendInputReply({ status: "ok", value: "it" }, header);
    });
    const debugs = async () => {
        const content = { seq: 1, type: "request", command: "initialize", arguments: { adapterID: "kernel" } };
        return (await kernel.requestDebug(content).done).content.success === true;
    };
"""
IN_BROWSER = {
    "completion while a cell awaits": "completes(AWAITS)",
    "completion while a cell computes": "completes(SLEEPS)",
    "widgets (comms) answer while a cell awaits": "comms(AWAITS)",
    "widgets (comms) answer while a cell computes": "comms(SLEEPS)",
    "a cell beside one that awaits (`# task`)": (
        "begun(AWAITS).then(() => inTime(kernel.requestExecute({ code: '# task\\n6 * 7' }, false).done))"
    ),
    "a task's output stays in the cell that made it": "outputInItsCell()",
    "`asyncio.run()` in a cell": "textsOf(RUN).then((texts) => texts === '42\\n')",
    "the stop button stops a loop": "stops(COMPUTES)",
    "the stop button stops what a cell awaits": "stops(AWAITS.replace('6', '60'))",
    "`input()` on a host without special headers": "asksInput()",
    "debugger": "debugs()",
}


def try_in_browser() -> dict[str, dict[str, bool]]:
    """By feature and kernelspec. Each in a page of its own: what a kernel cannot do may block it for ever."""
    values = {"AWAITS": AWAITS, "SLEEPS": SLEEPS, "COMPUTES": COMPUTES, "TASK": TASK, "RUN": RUN}
    values |= {"COMM": on_desktop.COMM}
    constants = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
    found: dict[str, dict[str, bool]] = {feature: {} for feature in IN_BROWSER}
    sites = {OURS: in_browser.OURS, PEER: in_browser.PEER / "site"}
    with ExitStack() as stack:
        urls = {name: stack.enter_context(in_browser.SiteServer(site)).url for name, site in sites.items()}
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=in_browser.CHROMIUM, args=in_browser.FLAGS)
        for feature, expression in IN_BROWSER.items():
            for name, url in urls.items():
                with in_browser.new_page(browser) as page:
                    in_browser.open_lab(page, url)
                    helpers = HELPERS.replace("IN_TIME", str(IN_TIME))
                    can = page.evaluate(
                        f"""async (name) => {{
                            const kernel = await jupyterapp.serviceManager.kernels.startNew({{ name }});
                            {constants}{helpers}
                            await kernel.requestExecute({{ code: "pass" }}).done;
                            return Promise.race([{expression}, wait({GUARD})]).then((can) => can === true, () => false);
                        }}""",
                        name,
                    )
                    found[feature][name] = can
            print(f"in the browser: {feature}: {found[feature]}", flush=True)
        browser.close()
    return found


def try_on_desktop() -> dict[str, dict[str, bool]]:
    """By feature and contender, each with a kernel of its own."""
    contenders = [contender for contender in on_desktop.contenders() if contender.name != on_desktop.FLOOR]
    found: dict[str, dict[str, bool]] = {feature: {} for feature in ON_DESKTOP}
    for feature, can in ON_DESKTOP.items():
        for contender in contenders:
            with on_desktop.running(contender) as driver:
                try:
                    found[feature][contender.name] = can(driver)
                except queue.Empty:
                    found[feature][contender.name] = False
        print(f"on the desktop: {feature}: {found[feature]}", flush=True)
    return found


def table(browser: dict[str, dict[str, bool]], desktop: dict[str, dict[str, bool]]) -> str:
    """In Markdown. Empty where a feature is not tried."""
    columns = {
        "this kernel in a browser": (browser, OURS),
        "Pyodide kernel": (browser, PEER),
        "this kernel on the desktop": (desktop, on_desktop.OURS),
        "ipykernel": (desktop, "ipykernel"),
        "async-kernel (PyPI)": (desktop, "async-kernel"),
    }
    rows = [f"| | {' | '.join(columns)} |", f"|---|{':-:|' * len(columns)}"]
    for feature in dict.fromkeys([*browser, *desktop]):
        tried = [found.get(feature, {}).get(name) for found, name in columns.values()]
        shown = ["" if can is None else "yes" if can else "no" for can in tried]
        rows.append(f"| {feature} | {' | '.join(shown)} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    options = parser.parse_args()
    in_browser.build_peer()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IPYTHONDIR"] = folder
        found = table(try_in_browser(), try_on_desktop())
    print(f"\n{found}")
    if options.write:
        report.put(report.ROOT / "README.md", "features", f"{found}\n")


if __name__ == "__main__":
    main()
