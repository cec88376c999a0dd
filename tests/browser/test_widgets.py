"""ipywidgets, and the comms below them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from browser.documents import Notebook


@pytest.fixture
def notebook(shared_notebook: Notebook) -> Notebook:
    shared_notebook.activate()
    return shared_notebook


def test_a_slider_moved_with_the_mouse_runs_its_callback(notebook: Notebook) -> None:
    cell = notebook.run(
        "from ipywidgets import IntSlider\n"
        "slider = IntSlider(value=3, max=20, description='n')\n"
        "slider.observe(lambda change: print(change.old, '->', change.new), names='value')\n"
        "slider"
    )
    handle = cell.root.locator(".noUi-handle")
    expect(handle).to_be_visible()
    place, track = handle.bounding_box(), cell.root.locator(".noUi-target").bounding_box()
    assert place
    assert track
    mouse = notebook.lab.page.mouse
    mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    mouse.down()
    mouse.move(track["x"] + track["width"] + 5, place["y"] + 5, steps=12)
    mouse.up()
    cell.shows("-> 20")
    moves = [line.split(" -> ") for line in cell.lines]
    assert moves[0][0] == "3"
    assert [new for _, new in moves[:-1]] == [old for old, _ in moves[1:]]
    expect(notebook.run("slider.value").result).to_have_text("20")
    expect(cell.root.locator(".widget-readout")).to_have_text("20")
    notebook.run("slider.value = 7")
    expect(cell.root.locator(".widget-readout")).to_have_text("7")


def test_a_button_pressed_while_its_cell_waits(notebook: Notebook) -> None:
    cell = notebook.start(
        "import asyncio\n"
        "from ipywidgets import Button\n"
        "pressed = asyncio.Event()\n"
        "button = Button(description='Go on')\n"
        "button.on_click(lambda _: pressed.set())\n"
        "display(button)\n"
        "await pressed.wait()\n"
        "print('pressed')"
    )
    cell.root.get_by_role("button", name="Go on").click()
    cell.ran()
    cell.printed(["pressed"])


def test_an_output_widget_takes_what_is_printed_in_it(notebook: Notebook) -> None:
    cell = notebook.run("from ipywidgets import Output\nout = Output()\nout")
    other = notebook.run("with out:\n    print('captured')\n    display('displayed too')\nprint('beside')")
    expect(cell.root.locator(".jp-OutputArea-output .jp-OutputArea-output")).to_have_text(
        ["captured", "'displayed too'"]
    )
    other.printed(["beside"])


def test_interact(notebook: Notebook) -> None:
    cell = notebook.run(
        "from ipywidgets import interact\n"
        "@interact(word=['one', 'two'])\n"
        "def shout(word):\n"
        "    print(word.upper() + '!')"
    )
    cell.shows("ONE!")
    cell.root.locator("select").select_option("two")
    cell.shows("TWO!")


def test_a_buffer_of_5_mb_makes_the_round_trip_byte_for_byte(notebook: Notebook) -> None:
    notebook.run(
        "def echo(comm, opened):\n"
        "    @comm.on_msg\n"
        "    def answer(message):\n"
        "        sizes = [len(buffer) for buffer in message['buffers']]\n"
        "        comm.send({'sizes': sizes}, buffers=message['buffers'])\n"
        "get_ipython().kernel.comm_manager.register_target('echo', echo)"
    )
    result = notebook.with_kernel(
        """async (kernel) => {
            const comm = kernel.createComm("echo");
            const answered = new Promise((resolve) => { comm.onMsg = resolve; });
            await comm.open().done;
            const sent = new Uint8Array(5_000_000);
            for (let i = 0; i < sent.length; i += 1) sent[i] = (i * 31 + (i >> 8)) & 255;
            const second = sent.slice(1, 1001);
            const copies = [sent.slice(), second.slice()];
            comm.send({}, {}, [sent.buffer, second.buffer]);
            const message = await answered;
            const bytes = message.buffers.map((b) => new Uint8Array(b.buffer ?? b, b.byteOffset ?? 0, b.byteLength));
            return {
                sizes: message.content.data.sizes,
                same: bytes.map((b, i) => b.length === copies[i].length && b.every((x, j) => x === copies[i][j])),
            };
        }"""
    )
    assert result == {"sizes": [5_000_000, 1000], "same": [True, True]}
