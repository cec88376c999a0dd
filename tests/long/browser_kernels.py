"""Start many kernels in JupyterLite, let each compute, wait and answer at once from its first moment: none may end.

    .venv/bin/python tests/long/browser_kernels.py [--rounds N] [--at-once N]

The site has to be built (`npm start`). What a kernel that ended had logged is printed; the exit code is then not 0.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from browser.chromium import CHROMIUM, FLAGS  # noqa: E402  # found by the line above
from browser.servers import SiteServer  # noqa: E402

CELL = """
import asyncio, time
def deep(n, work): return max([0], key=lambda _: deep(n - 1, work)) if n else (work(), 0)[1]
def garbage(): return [[[] for _ in range(50)] for _ in range(100)]
async def sleeps():
    for n in range(10):
        deep(n, lambda: time.sleep(0.01))
tasks = [asyncio.create_task(sleeps()) for _ in range(3)]
begin = time.perf_counter()
while time.perf_counter() - begin < 1:
    deep(7, garbage)
await asyncio.gather(*tasks)
42
"""
START = """async ([number, code]) => {
    const { kernels } = window.jupyterapp.serviceManager;
    const one = async () => {
        const kernel = await kernels.startNew({ name: "async" });
        let result = "";
        let dead = "";
        const ended = new Promise((resolve) => kernel.statusChanged.connect((_, status) => {
            if (status === "dead" || status === "autorestarting") { dead = status; resolve(); }
        }));
        const run = (code) => {
            const future = kernel.requestExecute({ code });
            future.onIOPub = ({ header, content }) => {
                if (header.msg_type === "execute_result") result += content.data["text/plain"];
                if (header.msg_type === "error") result += content.ename + content.evalue;
            };
            return future.done;
        };
        const complete = (n) => kernel.requestComplete({ code: "import asyncio; asyncio.sl", cursor_pos: 26 - n });
        const all = kernel.info.then(() =>
            Promise.all([run("6 * 7"), complete(0), run(code), complete(1), kernel.requestKernelInfo(), run("6 * 7")]),
        );
        await Promise.race([all, ended]);
        const found = dead || result;
        await kernel.shutdown();
        return found;
    };
    return Promise.all(Array.from({ length: number }, one));
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="how many pages")
    parser.add_argument("--at-once", type=int, default=5, help="how many kernels a page starts at once")
    options = parser.parse_args()
    ended = 0
    with SiteServer(ROOT / "lite-site" / "_output") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for number in range(options.rounds):
            page = browser.new_page()
            log: list[str] = []
            page.on("console", lambda message, log=log: log.append(message.text))
            page.goto(f"{server.url}lab/index.html?reset")
            page.wait_for_function("window.jupyterapp?.restored.then(() => true)")
            results = page.evaluate(START, [options.at_once, CELL])
            failed = [result for result in results if result != "424242"]
            ended += len(failed)
            print(f"page {number + 1}: {len(results)} kernels, failed: {failed}", flush=True)
            if failed:
                print("\n".join(log), file=sys.stderr)
            page.close()
        browser.close()
    sys.exit(ended > 0)


if __name__ == "__main__":
    main()
