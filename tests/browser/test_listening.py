"""A busy kernel listens: the stop button, `input`, `time.sleep`, in each row of the capability table."""

from __future__ import annotations

import json
import random
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from browser.documents import UNRUN
from browser.listening import ROWS, Row

if TYPE_CHECKING:
    from collections.abc import Generator

    from browser.chromium import LabMaker
    from browser.documents import Cell, Document, Notebook
    from browser.lab import Lab

COMPUTES = {
    "loop": "while True: pass",
    "computation": "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(60)",
    "time.sleep": "import time\ntime.sleep(3600)",
    "library": "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
    "other library": "import json\nwhile True: json.dumps([{'a': i} for i in range(100)], indent=1)",
    "C iterator": "import itertools\nfor _ in itertools.count(): pass",
    "task": "# task\nprint('begins')\nwhile True: pass",
    "consumed generator": "import itertools\nany(n < 0 for n in itertools.count())",
}
NO_STEPS = "import itertools, collections\ncollections.deque(itertools.repeat(0), maxlen=0)"
"""A call of compiled code that has no end."""


def rows(count: int) -> pytest.MarkDecorator:
    """Run in the first rows: pytest keeps a row's page for its tests by the row's number."""
    return pytest.mark.parametrize("row", ROWS[:count], ids=lambda row: row.name, scope="module")


every_row = rows(4)
rows_that_hear = rows(3)
row_that_always_listens = rows(1)


@pytest.fixture(scope="module")
def lab(row: Row, lab_maker: LabMaker, site: object, tmp_path_factory: pytest.TempPathFactory) -> Generator[Lab]:
    with ExitStack() as stack:
        yield row.open_lab(stack, lab_maker, site, tmp_path_factory.mktemp("row"))


@pytest.fixture(scope="module")
def one_notebook(lab: Lab) -> Notebook:
    notebook = lab.new_notebook()
    notebook.run("'started'")
    return notebook


@pytest.fixture
def notebook(one_notebook: Notebook) -> Notebook:
    one_notebook.activate()
    return one_notebook


def begin(document: Document, code: str) -> Cell:
    """Run a cell, and return once its code runs."""
    cell = document.start(code if "begins" in code else f"print('begins')\n{code}")
    cell.shows("begins")
    return cell


def stopped(notebook: Notebook, cell: Cell) -> None:
    """A cell was interrupted, its traceback shows it alone, and the kernel works."""
    expect(cell.error).to_contain_text("KeyboardInterrupt")
    cell.ran()
    expect(cell.error).not_to_contain_text("async_kernel")
    expect(notebook.run("import asyncio\nawait asyncio.sleep(0.01)\n6 * 7").result).to_have_text("42")


@rows_that_hear
@pytest.mark.parametrize("case", COMPUTES)
def test_stop_button(row: Row, notebook: Notebook, case: str) -> None:
    cell = begin(notebook, COMPUTES[case])
    notebook.interrupt()
    stopped(notebook, cell)


@every_row
def test_stop_button_and_a_cell_that_awaits(row: Row, notebook: Notebook) -> None:
    cell = begin(notebook, "import asyncio\nawait asyncio.sleep(3600)")
    notebook.interrupt()
    stopped(notebook, cell)


@every_row
def test_stop_button_that_cannot_be_heard(row: Row, lab: Lab, notebook: Notebook) -> None:
    begin(notebook, "while True: pass" if row.name == "none" else NO_STEPS)
    notebook.interrupt()
    expect(lab.dialog).to_contain_text("does not hear the stop button")
    expect(lab.dialog).to_contain_text("there is no service worker" if row.name == "none" else "compiled code")
    lab.accept("Restart Kernel")
    notebook.kernel_settles()
    expect(notebook.run("6 * 7").result).to_have_text("42")


@rows_that_hear
def test_other_ways_to_interrupt(row: Row, lab: Lab, notebook: Notebook) -> None:
    cell = begin(notebook, "while True: pass")
    lab.page.get_by_role("menuitem", name="Kernel", exact=True).click()
    lab.page.get_by_role("menuitem", name="Interrupt Kernel").click()
    stopped(notebook, cell)
    cell = begin(notebook, "while True: pass")
    notebook.with_kernel("(kernel) => kernel.interrupt()")
    stopped(notebook, cell)
    cell = begin(notebook, "while True: pass")
    notebook.with_kernel(
        """async (kernel) => {
            const { KernelMessage } = kernel.constructor;
            const session = kernel.clientId;
            const header = { msg_id: crypto.randomUUID(), msg_type: "interrupt_request", session, username: "",
                             date: new Date().toISOString(), version: "5.4" };
            const message = { channel: "control", header, parent_header: {}, metadata: {}, content: {}, buffers: [] };
            await kernel.sendControlMessage(message, true).done;
        }"""
    )
    stopped(notebook, cell)


@rows_that_hear
def test_interrupt_that_is_caught_and_a_second(row: Row, notebook: Notebook) -> None:
    cell = begin(
        notebook,
        "print('begins')\n"
        "try:\n    while True: pass\n"
        "except KeyboardInterrupt:\n    print('caught')\n"
        "import time\ntime.sleep(3600)",
    )
    notebook.interrupt()
    cell.shows("caught")
    notebook.interrupt()
    stopped(notebook, cell)
    cell = begin(
        notebook, "try:\n    print('begins')\n    while True: pass\nexcept KeyboardInterrupt:\n    print('fine')"
    )
    notebook.interrupt()
    cell.ran()
    cell.printed(["begins", "fine"])


@rows_that_hear
def test_cells_behind_an_interrupted_one_are_not_run(row: Row, notebook: Notebook) -> None:
    cell = begin(notebook, "while True: pass")
    behind = notebook.start("'never'")
    expect(behind.prompt).to_have_text("[*]:")
    notebook.interrupt()
    expect(behind.prompt).to_have_text(UNRUN)
    stopped(notebook, cell)


MIX = [
    *(code for name, code in COMPUTES.items() if name != "other library"),
    "import asyncio\nawait asyncio.sleep(3600)",
    "import asyncio\nawait asyncio.gather(*(asyncio.sleep(3600) for _ in range(3)))",
    "input('?')",
    "n = 0\nwhile True:\n    print(n)\n    n += 1",
    "6 * 7",
    "1 / 0",
]
INTERRUPT_ALL = """async (kernel, cells) => {
    const replies = new Map();
    const count = (_, { msg, direction }) => {
        if (direction === "recv" && msg.header.msg_type.endsWith("_reply")) {
            replies.set(msg.parent_header.msg_id, (replies.get(msg.parent_header.msg_id) ?? 0) + 1);
        }
    };
    const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
    kernel.anyMessage.connect(count);
    const requests = [];
    const wrong = [];
    for (const { code, before, between } of cells) {
        let done = false;
        const cell = kernel.requestExecute({ code, allow_stdin: true });
        void cell.done.then(() => { done = true; });
        const completion = kernel.requestComplete({ code: "import o", cursor_pos: 8 });
        await pause(before); // the moment is what is tried
        while (!done) {
            await kernel.interrupt();
            await pause(between);
        }
        await completion;
        const next = kernel.requestExecute({ code: "40 + 2" });
        const { content } = await next.done;
        if (content.status !== "ok") wrong.push([code, content]);
        requests.push(cell.msg.header.msg_id, next.msg.header.msg_id);
    }
    kernel.anyMessage.disconnect(count);
    return {
        wrong,
        missed: requests.filter((id) => !replies.has(id)),
        repeated: [...replies].filter(([, number]) => number > 1),
    };
}"""


@rows_that_hear
def test_interrupts_at_random_moments(row: Row, notebook: Notebook) -> None:
    """Each request has one reply, the cell behind runs, and no interrupt strikes anything else."""
    chance = random.Random(row.name)  # no secrets
    cells = [
        {"code": code, "before": chance.choice([0, 5, 100]) * chance.random(), "between": 50 * chance.random()}
        for code in chance.choices(MIX, k=25)
    ]
    found = notebook.with_kernel(f"(kernel) => ({INTERRUPT_ALL})(kernel, {json.dumps(cells)})")
    assert found == {"wrong": [], "missed": [], "repeated": []}
    expect(notebook.run("import asyncio\nawait asyncio.sleep(0.01)\n6 * 7").result).to_have_text("42")


@rows_that_hear
def test_an_interrupt_strikes_no_cell_behind_it(row: Row, notebook: Notebook) -> None:
    statuses = notebook.with_kernel(
        """async (kernel) => {
            const statuses = [];
            for (let n = 0; n < 30; n++) {
                void kernel.interrupt();
                const cell = kernel.requestExecute({ code: "for _ in range(100_000): pass" });
                statuses.push((await cell.done).content.status);
            }
            return statuses;
        }"""
    )
    assert statuses == ["ok"] * 30


ASKS = {
    "cell": "print('Hello', input('Who? '))",
    "function": "def ask():\n    return [input('Who? ') for _ in range(1)]\nprint('Hello', *ask())",
    "task": "import asyncio\nasync def ask():\n    print('Hello', input('Who? '))\nawait asyncio.create_task(ask())",
    "callback": (
        "import asyncio\ndone = asyncio.Event()\n"
        "def ask():\n    try: print('Hello', input('Who? '))\n    finally: done.set()\n"
        "_ = asyncio.get_running_loop().call_soon(ask)\nawait done.wait()"
    ),
    "import": (
        "import pathlib, sys, importlib\nsys.modules.pop('asks', None)\n"
        "_ = pathlib.Path('asks.py').write_text(\"print('Hello', input('Who? '))\")\n"
        "importlib.invalidate_caches()\nimport asks"
    ),
    "getpass": "import getpass\nprint('Hello', getpass.getpass('Who? '))",
}


@every_row
@pytest.mark.parametrize("place", ASKS)
def test_input(row: Row, notebook: Notebook, place: str) -> None:
    cell = notebook.start(ASKS[place])
    if row.name == "none":
        expect(cell.error).to_contain_text("StdinNotImplementedError")
        expect(cell.error).to_contain_text("there is no service worker")
        return
    expect(cell.question).to_have_text("Who? ")
    if place == "getpass":
        expect(cell.input_box).to_have_attribute("type", "password")
    cell.answer("Grace 😀")
    cell.shows("Hello Grace 😀")
    cell.ran()


@rows_that_hear
def test_input_in_a_console(row: Row, lab: Lab, notebook: Notebook) -> None:
    console = lab.console_of(notebook)
    for place in ("cell", "import", "getpass"):
        cell = console.start(ASKS[place])
        if place == "getpass":
            expect(cell.input_box).to_have_attribute("type", "password")
        cell.answer("Ada")
        cell.shows("Hello Ada")
        cell.ran()
    console.close()


@rows_that_hear
def test_input_is_interrupted(row: Row, notebook: Notebook) -> None:
    cell = notebook.start("input('Who? ')")
    expect(cell.question).to_have_text("Who? ")
    notebook.interrupt()
    stopped(notebook, cell)
    cell = notebook.start("print('Hello', input('Again? '))")
    cell.answer("Ada")
    cell.shows("Hello Ada")


@rows_that_hear
def test_two_kernels_that_ask_at_once(row: Row, lab: Lab, notebook: Notebook) -> None:
    other = lab.new_notebook()
    asks = [document.start("print('I am', input('Who? '))") for document in (notebook, other)]
    for document, cell, name in zip((other, notebook), reversed(asks), ("other", "one"), strict=True):
        document.activate()
        cell.answer(name)
    for document, cell, name in zip((notebook, other), asks, ("one", "other"), strict=True):
        document.activate()
        cell.shows(f"I am {name}")
    other.activate()
    other.shut_down()


@every_row
def test_sleep_takes_its_time(row: Row, notebook: Notebook) -> None:
    cell = notebook.run(
        "import time\n"
        "for seconds in (0, 0.001, 0.25):\n"
        "    begin = time.perf_counter()\n"
        "    time.sleep(seconds)\n"
        "    print(round(time.perf_counter() - begin, 6) >= seconds)"  # floats: 50.1235 - 50.1225 is less
    )
    cell.printed(["True"] * 3)


@every_row
@pytest.mark.parametrize("code", ["asyncio.run(main())", "asyncio.get_event_loop().run_until_complete(main())"])
def test_loops_in_a_cell(row: Row, notebook: Notebook, code: str) -> None:
    cell = notebook.start(f"import asyncio\nasync def main():\n    await asyncio.sleep(0)\n    return 'ran'\n{code}")
    if row.name == "stack switching":
        expect(cell.result).to_have_text("'ran'")
    else:
        expect(cell.error).to_contain_text("await it instead")


LOGGED = {
    "stack switching": "can switch stacks",
    "shared memory": "the page is isolated",
    "service worker": "by way of the service worker",
    "none": "cannot reach a cell that computes",
}


@every_row
def test_capability_is_logged(row: Row, lab: Lab, notebook: Notebook) -> None:
    notebook.command("logconsole:open")
    console = lab.page.locator(".jp-LogConsolePanel")
    expect(console).to_be_visible()
    lab.call("() => jupyterapp.commands.execute('logconsole:set-level', { level: 'info' }).then(() => undefined)")
    notebook.restart()
    expect(console).to_contain_text(LOGGED[row.name])
