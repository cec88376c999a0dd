"""Several documents on one kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from browser.lab import Lab

    from jupyter_lab.servers import LabServer


def test_a_second_notebook_and_a_console_on_the_kernel_of_a_notebook(lab: Lab, server: LabServer) -> None:
    first = lab.new_notebook()
    first.run("said = 'hello'")
    processes = len(server.kernel_processes)
    second = lab.new_notebook()
    second.use_kernel_of(first)
    console = lab.console_of(first)
    assert first.kernel_id == second.kernel_id == console.kernel_id
    expect(second.run("said + ' from the second'").result).to_have_text("'hello from the second'")
    expect(console.run("said + ' from the console'").result).to_have_text("'hello from the console'")
    second.run("said = 'changed'")
    expect(console.run("said").result).to_have_text("'changed'")
    expect(first.run("said").result).to_have_text("'changed'")
    lab.until(lambda: len(server.kernel_processes) == processes, "the end of the second notebook's own kernel")


def test_a_console_shows_what_the_notebook_does(lab: Lab) -> None:
    notebook = lab.new_notebook()
    console = lab.console_of(notebook)
    console.show_all_activity()
    notebook.run("print('from', 'the notebook')")
    console.activate()
    expect(console.cells.filter(has_text="from the notebook")).to_be_visible()
    # what one document asks is asked there alone
    asking = notebook.start("input('Who? ')")
    box = asking.root.locator(".jp-Stdin-input")
    expect(box).to_be_visible()
    console.activate()
    expect(console.root.locator(".jp-Stdin-input")).to_have_count(0)
    notebook.activate()
    box.fill("me")
    box.press("Enter")
    asking.shows("'me'")
