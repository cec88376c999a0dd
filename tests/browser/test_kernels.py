"""Several documents and their kernels: each its own, two on one, and what ends or restarts them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from browser.lab import Lab

RESTARTS = 20


def test_two_notebooks_and_a_console_each_have_their_own_kernel(lab: Lab) -> None:
    one, two, console = lab.new_notebook(), lab.new_notebook(), lab.new_console()
    documents = (one, two, console)
    for name, document in zip(("one", "two", "console"), documents, strict=True):
        document.run(f"who = '{name}'")
    for name, document in zip(("one", "two", "console"), documents, strict=True):
        expect(document.run("who").result).to_have_text(f"'{name}'")
    assert len({document.kernel_id for document in documents}) == 3
    lab.workers_are(3)

    two.shut_down()  # the others go on
    lab.workers_are(2)
    expect(one.run("who * 2").result).to_have_text("'oneone'")
    expect(console.run("who * 2").result).to_have_text("'consoleconsole'")


def test_two_consoles_on_the_kernel_of_a_notebook_see_all_that_it_does(lab: Lab) -> None:
    notebook = lab.new_notebook()
    notebook.run("import asyncio\nsaid = 'hello'")
    first = lab.console_of(notebook)
    second = lab.console_of(notebook)
    second.show_all_activity()
    assert first.kernel_id == second.kernel_id == notebook.kernel_id
    lab.workers_are(1)
    expect(first.run("said + ' from the first console'").result).to_have_text("'hello from the first console'")
    second.activate()
    expect(second.cells.filter(has_text="'hello from the first console'")).to_be_visible()
    expect(notebook.run("said + ' from the notebook'").result).to_have_text("'hello from the notebook'")
    second.activate()
    expect(second.cells.filter(has_text="'hello from the notebook'")).to_be_visible()

    # what a client has started goes on without it, and the others see it
    first.run(
        "go_on = asyncio.Event()\n"
        "async def later():\n"
        "    await go_on.wait()\n"
        "    print('printed', 'later')\n"
        "task = asyncio.create_task(later())"
    )
    first.close()
    notebook.run("go_on.set()")
    second.activate()
    expect(second.cells.filter(has_text="printed later")).to_be_visible()
    expect(second.cells.filter(has_text="printed later")).to_contain_text("go_on.wait()")


def test_two_clients_on_one_kernel_get_the_same_iopub_messages(lab: Lab) -> None:
    """As two widgets or extensions of the page, which have their connections to the kernel."""
    lab.new_notebook().run("import asyncio")
    seen = lab.call(
        """async () => {
            const { kernels } = jupyterapp.serviceManager;
            const [model] = kernels.running();
            const clients = [kernels.connectTo({ model }), kernels.connectTo({ model })];
            const seen = clients.map((client) => {
                const all = [];
                client.iopubMessage.connect((_, m) => all.push([m.header.msg_type, m.header.msg_id, m.content.text]));
                return all;
            });
            await Promise.all(clients.map((client) => client.info));
            await clients[0].requestExecute({ code: "print('to both')" }).done;
            await clients[1].requestExecute({ code: "print('to both again')" }).done;
            await clients[0].requestExecute({
                code: "task = asyncio.create_task(asyncio.sleep(0.2))\\n" +
                      "task.add_done_callback(lambda _: print('after its client has gone'))",
            }).done;
            clients[0].dispose();
            const before = seen.map((all) => all.length);
            const told = new Promise((resolve) => {
                clients[1].iopubMessage.connect((_, m) => m.content.text?.startsWith("after") && resolve());
            });
            await clients[1].requestExecute({ code: "await task" }).done;
            await told;
            const common = seen.map((all, i) => all.slice(0, before[i]).filter(([type]) => type !== "status"));
            const last = seen[1].map(([, , text]) => text).join("");
            clients[1].dispose();
            return { common, last };
        }"""
    )
    first, second = seen["common"]
    assert "to both\n" in [text for _, _, text in first]
    assert "to both again\n" in [text for _, _, text in first]
    assert first == second
    assert "after its client has gone\n" in seen["last"]


def test_five_kernels_started_together_all_answer(lab: Lab) -> None:
    names = [f"five{i}.ipynb" for i in range(5)]
    for name in names:
        lab.write_notebook(name, [f"sum(ord(c) for c in '{name}')"])
    notebooks = [lab.open_notebook(name) for name in names]
    for notebook in notebooks:
        notebook.run_all()
    for name, notebook in zip(names, notebooks, strict=True):
        notebook.activate()
        notebook.cell(0).ran()
        expect(notebook.cell(0).result).to_have_text(str(sum(map(ord, name))))
    lab.workers_are(5)
    lab.command("kernelmenu:shutdownAll")
    lab.accept("Shut Down All")
    lab.workers_are(0)


def test_restart_clears_the_names_and_the_count(lab: Lab) -> None:
    notebook = lab.new_notebook()
    assert notebook.run("kept = 1").count == 1
    assert notebook.run("kept + 1").count == 2
    before = notebook.kernel_id
    (worker,) = lab.kernel_workers
    notebook.restart()
    cell = notebook.run("kept")
    expect(cell.error).to_contain_text("NameError: name 'kept' is not defined")
    assert cell.count == 1
    assert notebook.kernel_id == before
    lab.workers_are(1)
    assert lab.kernel_workers != [worker]


def test_a_busy_kernel_can_be_restarted(lab: Lab) -> None:
    notebook = lab.new_notebook()
    busy = notebook.start("print('begins')\nwhile True:\n    pass")
    busy.shows("begins")
    notebook.restart()
    expect(notebook.run("'back'").result).to_have_text("'back'")
    lab.workers_are(1)
    expect(busy.prompt).to_have_text("[ ]:")


def test_shutdown_ends_the_worker_and_a_new_kernel_can_be_started(lab: Lab) -> None:
    notebook = lab.new_notebook()
    notebook.run("kept = 1")
    lab.workers_are(1)
    notebook.shut_down()
    lab.workers_are(0)
    expect(notebook.kernel_name).to_have_text("No Kernel")
    notebook.start_again()
    expect(notebook.run("'kept' in globals()").result).to_have_text("False")
    lab.workers_are(1)
    notebook.shut_down()
    lab.workers_are(0)


def test_restart_and_run_all_many_times_in_a_row_loses_nothing(lab: Lab) -> None:
    lab.write_notebook(
        "restarts.ipynb",
        [
            "import time\nstamp = time.time_ns()\nprint('stamp', stamp)",
            "for i in range(200):\n    print('line', i)",
            "import sys\nprint('to stderr', file=sys.stderr)\ndisplay('displayed')",
            "import asyncio\nawait asyncio.sleep(0.01)\n6 * 7",
            "print('end of', stamp)",
        ],
    )
    notebook = lab.open_notebook("restarts.ipynb")
    stamps = ["none"]
    for _ in range(RESTARTS):
        notebook.restart(run_all=True)
        last = notebook.cell(4)
        last.shows(re.compile(rf"end of (?!{stamps[-1]})\d+"))
        expect(notebook.cells.locator(".jp-InputArea-prompt")).to_have_text([f"[{i}]:" for i in range(1, 6)])
        stamps.append(last.lines[0].removeprefix("end of "))
        notebook.cell(0).printed([f"stamp {stamps[-1]}"])
        notebook.cell(1).printed([f"line {i}" for i in range(200)])
        expect(notebook.cell(2).outputs).to_have_text(["to stderr", "'displayed'"])
        expect(notebook.cell(3).outputs).to_have_text(["42"])
        assert len(lab.kernel_workers) == 1
    assert len(set(stamps)) == RESTARTS + 1
    expect(lab.dialog).to_have_count(0)
