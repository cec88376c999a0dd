"""What was typed into earlier kernels of a site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from browser.chromium import OpenLab
    from browser.lab import Lab
    from browser.servers import Overlay


def leave(lab: Lab) -> None:
    """Type into two kernels, and open the page anew."""
    lab.new_notebook().run("'typed first'\n")
    notebook = lab.new_notebook()
    notebook.run("%pwd")
    notebook.run("'typed last'")
    lab.open(f"{lab.home}?reset")


def test_a_console_brings_back_what_was_typed_before_the_page_was_opened(lab: Lab) -> None:
    leave(lab)
    console = lab.new_console()
    # behind the console's own question for the history
    console.with_kernel("(kernel) => kernel.requestExecute({ code: '', silent: true }).done.then(() => undefined)")
    prompt = console.prompt_cell.locator(".cm-content")
    prompt.click()
    for text in ("'typed last'", "%pwd", "'typed first'"):
        lab.page.keyboard.press("ArrowUp")
        expect(prompt).to_have_text(text)
    lab.page.keyboard.press("Shift+Enter")
    assert console.run("%history -g -l 5").lines == [
        " 1/1: 'typed first'",
        " 2/1: %pwd",
        " 2/2: 'typed last'",
        "   1: 'typed first'",
        "   2: %history -g -l 5",
    ]
    assert console.run("%history -n 2/1").lines == [" 2/1: %pwd"]


def test_a_site_can_do_without(serve: Callable[..., str], empty_lab: OpenLab, overlay: Overlay) -> None:
    overlay.plugin_settings({"history": False})
    lab = empty_lab(serve(overlay=overlay.folder))
    lab.open()
    leave(lab)
    notebook = lab.new_notebook()
    notebook.run("'typed now'")
    assert [line.strip() for line in notebook.run("%history -g").lines] == ["1: 'typed now'", "2: %history -g"]
