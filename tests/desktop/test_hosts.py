"""Kernels whose main thread is a GUI's: windows are live, whatever cells do, and cells are as in other kernels."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from desktop.conftest import HOSTED
from desktop.kernels import BACKENDS, GUARD, Flavour, start_kernel
from desktop.windows import click, need_toolkit, press_key, wait_closed, wait_window

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from async_kernel._wire import Message
    from desktop.kernels import Client, Kernel

BUTTON = {
    "tk": (
        "import tkinter as tk\nwindow = tk.Tk(className='{title}')\nwindow.geometry('200x100+0+0')\n"
        "button = tk.Button(window, command={command})\nbutton.pack(fill='both', expand=True)\nwindow.update()"
    ),
    "qt": (
        "from PySide6 import QtCore, QtWidgets\nwindow = QtWidgets.QPushButton()\nwindow.setWindowTitle('{title}')\n"
        "window.setGeometry(0, 0, 200, 100)\nwindow.clicked.connect({command})\nwindow.show()"
    ),
}
"""A window that is a button, in the upper left corner of the screen."""
CLOSE = {"tk": "window.destroy()", "qt": "window.close(); window.deleteLater()"}
FRAMES = {
    "tk": (
        "import tkinter as tk\nwindow = tk.Tk()\ncanvas = tk.Canvas(window)\ncanvas.pack()\n"
        "dot = canvas.create_oval(0, 0, 9, 9)\ndef frame():\n    canvas.move(dot, 1, 0)\n"
        "    window.after_idle(drawn.append, 1)\n"
        "    window.after(16, frame) if len(drawn) < 120 else ended.append(1)\nframe()"
    ),
    "qt": (
        "from PySide6 import QtCore, QtWidgets\nclass Dot(QtWidgets.QWidget):\n    def paintEvent(self, _):\n"
        "        drawn.append(1)\n        if len(drawn) >= 120: ended.append(timer.stop())\n"
        "window = Dot()\nwindow.show()\ntimer = QtCore.QTimer()\ntimer.timeout.connect(window.update)\n"
        "timer.start(16)"
    ),
}
"""A window that is redrawn 60 times a second, 120 times. Each time adds to `drawn`, the end to `ended`."""
WAITS = {
    "tk": {
        "message box": "from tkinter import messagebox\nmessagebox.showinfo('waits', 'text')",
        "dialog": "from tkinter import simpledialog\nsimpledialog.askstring('waits', 'text')",
        "window": "window = tk.Toplevel()\nwindow.title('waits')\nwindow.wait_window()",
        "main loop": "window = tk.Tk(className='waits')\nwindow.mainloop()",
    },
    "qt": {
        "message box": "QtWidgets.QMessageBox.information(None, 'waits', 'text')",
        "dialog": "QtWidgets.QInputDialog.getText(None, 'waits', 'text')",
        "window": "dialog = QtWidgets.QDialog()\ndialog.setWindowTitle('waits')\ndialog.exec()",
        "main loop": (
            "window = QtWidgets.QWidget()\nwindow.setWindowTitle('waits')\nwindow.show()\nQtWidgets.QApplication.exec()"
        ),
    },
}
"""Code that waits in a loop of the toolkit's, in front of a window."""
IMPORTS = {"tk": "import tkinter as tk", "qt": "from PySide6 import QtCore, QtWidgets"}
RECORD = "clicks.append(len(clicks)) or print('click', len(clicks))"


@pytest.fixture(scope="module", params=HOSTED if os.environ.get("ASYNC_KERNEL_ALL_HOSTS") else HOSTED[::3], ids=str)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    need_toolkit(request.param.host)
    request.getfixturevalue("display")
    return request.param


@pytest.fixture
def host(flavour: Flavour) -> str:
    assert flavour.host
    return flavour.host


@pytest.fixture
def button(client: Client, host: str) -> Generator[Message]:
    """A cell with a button, in the corner of the screen, whose clicks are counted and printed."""
    code = "clicks = []\n" + BUTTON[host].format(title="button", command=f"lambda: {RECORD}")
    cell = client.start(code)
    assert client.finish(cell).content["status"] == "ok"
    wait_window("button")
    yield cell
    assert client.execute(CLOSE[host]).content["status"] == "ok"


def stop(client: Client, cell: Message) -> None:
    """Interrupt a cell, which then shows that it was."""
    client.request("interrupt_request", channel="control")
    done = client.finish(cell)
    assert done.content["ename"] == "KeyboardInterrupt", done.content


def test_a_button_works_whatever_the_kernel_does(client: Client, button: Message, flavour: Flavour) -> None:
    def clicked(times: int) -> None:
        click(100, 50)
        client.wait_text(button, f"click {times}\n")

    clicked(1)  # it idles
    awaits = client.start(flavour.sleep)
    client.wait_text(awaits, "waiting")
    clicked(2)
    stop(client, awaits)
    task = client.start("# task\nimport anyio\nprint('runs')\nwhile len(clicks) < 3: await anyio.sleep(0)")
    client.wait_text(task, "runs")
    clicked(3)
    assert client.finish(task).content["status"] == "ok"
    assert client.execute("1 / 0").content["ename"] == "ZeroDivisionError"
    clicked(4)
    assert client.exchange(button).text() == "".join(f"click {i}\n" for i in range(1, 5))


def test_an_error_of_a_callback_is_shown_in_its_cell(client: Client, host: str) -> None:
    cell = client.start(
        "def fail(*_):\n    raise LookupError('of the button')\n" + BUTTON[host].format(title="fails", command="fail")
    )
    client.finish(cell)
    assert client.result("'another cell'")
    wait_window("fails")
    click(100, 50)
    client.wait_text(cell, "LookupError: of the button")
    assert "in fail" in client.exchange(cell).text("stderr")
    assert client.execute(CLOSE[host]).content["status"] == "ok"


def test_leaving_in_a_callback_of_tk_ends_no_kernel(client: Client, host: str) -> None:
    if host != "tk":
        return
    cell = client.start("import sys\n" + BUTTON[host].format(title="leaves", command="lambda *_: sys.exit(3)"))
    client.finish(cell)
    wait_window("leaves")
    click(100, 50)
    client.wait_text(cell, "SystemExit: 3")
    assert client.result("'alive'") == "'alive'"
    assert client.execute(CLOSE[host]).content["status"] == "ok"


def test_qt_calls_methods_of_python_without_end(client: Client, host: str) -> None:
    """PySide6 6.12.0 gives up a reference to None with each call, and Python before 3.12 has but so many."""
    if host != "qt":
        return
    client.execute(
        f"{IMPORTS[host]}\nclass Receiver(QtCore.QObject):\n    def customEvent(self, _): calls.append(1)\n"
        "calls, receiver, kind = [], Receiver(), QtCore.QEvent.Type.User"
    )
    many = (
        "for _ in range(100_000): QtCore.QCoreApplication.postEvent(receiver, QtCore.QEvent(kind))\n"
        "QtWidgets.QApplication.processEvents()\nlen(calls)"
    )
    assert client.result(many) == "100000"
    assert client.result("'alive'") == "'alive'"


def test_frames_are_drawn_while_a_cell_loops(client: Client, host: str, flavour: Flavour) -> None:
    client.execute(f"drawn, ended = [], []\n{FRAMES[host]}")
    loop = f"import {flavour.backend}\nwhile not {{}}: await {flavour.backend}.sleep({{}})\nlen(drawn)"
    assert int(client.result(loop.format("drawn[59:]", 0.01))) >= 60
    assert int(client.result(loop.format("ended", 0))) >= 120
    assert client.execute(CLOSE[host]).content["status"] == "ok"


@pytest.mark.parametrize("name", WAITS["tk"])
def test_interrupt_ends_what_waits_for_a_window(client: Client, host: str, name: str) -> None:
    client.execute(IMPORTS[host] + ("\nroot = tk.Tk()\nroot.withdraw()" if host == "tk" else ""))
    cell = client.start(WAITS[host][name])
    wait_window("waits")
    stop(client, cell)
    assert client.result("'alive'") == "'alive'"
    end = "for w in [root, window]: w.destroy()" if name == "main loop" else "root.destroy()"
    assert client.execute(end if host == "tk" else "window = None").content["status"] == "ok"
    wait_closed("waits")


def test_interrupt_ends_a_callback_that_blocks(client: Client, host: str) -> None:
    code = "import time\ndef block(*_):\n    print('blocks')\n    time.sleep(3600)\n"
    cell = client.start(code + BUTTON[host].format(title="blocks", command="block"))
    client.finish(cell)
    wait_window("blocks")
    click(100, 50)
    client.wait_text(cell, "blocks")
    client.request("interrupt_request", channel="control")
    client.wait_text(cell, "KeyboardInterrupt")
    assert client.execute(CLOSE[host]).content["status"] == "ok"


def test_loops_within_a_cell(client: Client, flavour: Flavour) -> None:
    code = "import asyncio\nasync def f():\n    await asyncio.sleep(0.01)\n    return 7\nasyncio.run(f())"
    assert client.result(code) == "7"
    if flavour.backend == "asyncio":
        assert client.result("asyncio.get_running_loop().run_until_complete(f())") == "7"
        assert client.result("import trio\n%trio await trio.sleep(0.01)\n8") == "8"
    else:
        assert client.result("x = %asyncio await f()\nx") == "7"


def test_callbacks_start_tasks(client: Client, host: str, flavour: Flavour) -> None:
    """By the caller of the thread and, under asyncio, by asyncio itself."""
    start = "asyncio.create_task(f())" if flavour.backend == "asyncio" else "Caller().call_soon(f)"
    code = (
        "import anyio, asyncio\nfrom async_kernel.caller import Caller\n"
        "async def f():\n    await anyio.sleep(0.01)\n    print('task')\n"
    )
    cell = client.start(code + BUTTON[host].format(title="starts", command=f"lambda: {start} and None"))
    client.finish(cell)
    wait_window("starts")
    click(100, 50)
    client.wait_text(cell, "task\n")
    assert client.execute(CLOSE[host]).content["status"] == "ok"


def test_threads_use_windows_of_tk(client: Client, host: str) -> None:
    if host != "tk":
        return
    client.execute("import tkinter as tk\nwindow = tk.Tk()\nlabel = tk.Label(window)")
    assert client.execute("# thread\nlabel.config(text='from a thread')").content["status"] == "ok"
    assert client.result("label['text']") == "'from a thread'"
    client.execute("window.destroy()")


def test_garbage_of_tk_is_collected_in_any_thread(client: Client, host: str) -> None:
    """Tcl ends the process where another thread than its own deletes an interpreter."""
    if host != "tk":
        return
    code = (
        "import anyio, gc, tkinter as tk\nfor _ in range(5):\n    root = tk.Tk()\n    root.cycle = root\n"
        "    root.update()\n    root.destroy()\n    del root\n    await anyio.to_thread.run_sync(gc.collect)\n'alive'"
    )
    assert client.result(code) == "'alive'"


def test_a_second_gui_in_a_thread(client: Client, host: str) -> None:
    code = "from async_kernel.caller import Caller\nsecond = Caller('NewThread', name='second', host={!r})\n"
    if host == "qt":
        done = client.execute(code.format("qt"))
        assert done.content["ename"] == "HostError"
        assert "Qt runs in the main thread only" in done.content["evalue"]
    cell = client.start(
        code.format("tk")
        + "def show():\n    global window, button\n    "
        + BUTTON["tk"].format(title="second", command="lambda: print('click', Caller().name)").replace("\n", "\n    ")
        + "\nawait second.call_soon(show)\nsecond.host"
    )
    done = client.finish(cell)
    assert done.of_type("execute_result")[0]["content"]["data"]["text/plain"] == "'tk'", done.content
    wait_window("second")
    click(100, 50)
    client.wait_text(cell, "click second\n")
    assert client.execute("await second.call_soon(window.destroy)\nawait second.stop()").content["status"] == "ok"
    assert client.result("second.stopped") == "True"


# --- magics and matplotlib


def test_gui_and_matplotlib_agree_with_the_host(client: Client, host: str) -> None:
    other = {"tk": "qt", "qt": "tk"}[host]
    assert client.execute(f"%gui {host}\n%gui").text("stderr") == ""
    assert f"Using matplotlib backend: {host}agg" in client.execute("%matplotlib").text()
    for magic in ("gui", "matplotlib"):
        told = client.execute(f"%{magic} {other}").text("stderr")
        assert f"this kernel runs the host '{host}', and '{other}' needs its own" in told
        assert f"async-kernel install --name=async-{other} --host={other}" in told
    assert "'gtk3' needs its own" in client.execute("%gui gtk3").text("stderr")
    client.execute(f"%matplotlib {host}\nimport matplotlib.pyplot as plt")
    assert client.result("plt.get_backend()") == f"'{host}agg'"


def test_figures_are_windows(client: Client, host: str) -> None:
    client.execute(f"%matplotlib {host}\nimport matplotlib.pyplot as plt")
    cell = client.start(
        "figure = plt.figure(num='figure')\nplt.plot([1, 3, 2])\n"
        "figure.canvas.mpl_connect('key_press_event', lambda event: print('key', event.key))"
    )
    assert client.finish(cell).content["status"] == "ok"
    wait_window("figure")
    press_key("x", 200, 200)
    client.wait_text(cell, "key x\n")
    assert client.execute("1 / 0").content["status"] == "error"
    press_key("y", 200, 200)
    client.wait_text(cell, "key y\n")
    assert client.result("plt.plot([3, 1, 2])\nfigure.stale") == "True"
    client.result("import anyio\nwhile figure.stale: await anyio.sleep(0.01)\n0")  # drawn behind the cell
    press_key("q", 200, 200)
    assert client.result("while plt.get_fignums(): await anyio.sleep(0.01)\nplt.get_fignums()") == "[]"


def test_show_that_blocks(client: Client, host: str) -> None:
    client.execute(f"%matplotlib {host}\nimport matplotlib.pyplot as plt")
    show = client.start("plt.figure(num='blocks')\nplt.show(block=True)\nprint('closed')")
    wait_window("blocks")
    press_key("q", 200, 200)
    assert client.finish(show).text() == "closed\n"
    show = client.start("plt.figure(num='blocks')\nplt.show(block=True)")
    wait_window("blocks")
    stop(client, show)
    assert client.execute("plt.close('all')").content["status"] == "ok"
    wait_closed("blocks")


# --- start and end


def test_an_idle_kernel_costs_nothing(kernel: Kernel, button: Message) -> None:
    process = psutil.Process(kernel.pid)
    before = process.cpu_times()
    time.sleep(2)  # what is asserted is processor time, of which others take none away
    after = process.cpu_times()
    assert (after.user + after.system) - (before.user + before.system) < 0.04


def test_restart_and_shutdown_with_open_windows(flavour: Flavour, host: str, tmp_path: Path) -> None:
    with start_kernel(flavour, tmp_path) as own:
        own.main.execute(BUTTON[host].format(title="restarts", command="lambda: None"))
        wait_window("restarts")
        own.manager.restart_kernel()
        again = own.client()
        wait_closed("restarts")
        again.execute("drawn, ended = [], []\n" + FRAMES[host].replace("120", "10**9"))  # it goes on to the end
        again.execute(BUTTON[host].format(title="shuts down", command="lambda: None"))
        wait_window("shuts down")
        again.start(WAITS[host]["message box"])
        wait_window("waits")
    wait_closed("shuts down")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_host_of_ones_own(backend: str, tmp_path: Path) -> None:
    options = ["--host=custom", "--host_options=host_class=async_kernel.testing.QueueHost"]
    with start_kernel(Flavour(backend, "tcp"), tmp_path, *options) as kernel:
        client = kernel.main
        assert client.result("from async_kernel.caller import Caller\nCaller().host, Caller().backend") == (
            f"('custom', '{backend}')"
        )
        cell = client.start(Flavour(backend, "tcp").sleep)
        client.wait_text(cell, "waiting")
        stop(client, cell)
        busy = client.start("print('runs')\nwhile True: pass")
        client.wait_text(busy, "runs")
        stop(client, busy)


MISSING: dict[str, tuple[list[str], str | None, list[str]]] = {
    "display of tk": (["--host=tk"], None, ["no $DISPLAY environment variable", "apt install xvfb"]),
    "display of qt": (["--host=qt"], ":9999", ["could not connect to display", "Set DISPLAY"]),
    "package of qt": (["--host=qt", "--host_options=module=PyQt5"], ":0", ["pip install PyQt5", "PySide6"]),
    "class": (["--host=custom"], None, ["takes host_class in its host_options"]),
}
"""Options, DISPLAY, and what the client is told."""


@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_is_told_to_the_client(name: str, tmp_path: Path) -> None:
    options, display, texts = MISSING[name]
    if name != "class":
        need_toolkit("tk" if "tk" in name else "qt")
    env = {key: value for key, value in os.environ.items() if key not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    env |= {"DISPLAY": display} if display else {}
    flavour = Flavour("asyncio", "tcp")
    with start_kernel(flavour, tmp_path, *options, env=env, errors=True, exit_code=1) as kernel:
        for _ in range(2):
            done = kernel.main.execute("print('runs')")
            assert done.content["ename"] == "HostError"
            assert all(text in done.content["evalue"] for text in texts), done.content["evalue"]
            assert done.of_type("error")[0]["content"]["evalue"] == done.content["evalue"]
            assert done.text() == ""


def test_a_python_without_tk() -> None:
    code = "import sys; sys.modules['tkinter'] = None; from async_kernel_zmq.hosts import TkHost; TkHost()"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=GUARD)
    assert "HostError: The host 'tk' needs the module tkinter, which this Python lacks: install it" in done.stderr


def test_install(jupyter_dirs: dict[str, Path], display: None, tmp_path: Path) -> None:
    """The kernelspec that the command writes starts a kernel with the host."""
    need_toolkit("tk")
    folder = jupyter_dirs["DATA"] / "kernels"
    command = [sys.executable, "-m", "async_kernel_zmq", "install", f"--folder={folder}", "--name=async-tk"]
    subprocess.run([*command, "--host=tk", "--backend=trio"], check=True, capture_output=True, timeout=GUARD)
    with start_kernel(Flavour("trio", "tcp"), tmp_path, name="async-tk") as kernel:
        assert kernel.main.result("from async_kernel.caller import Caller\nCaller().host") == "'tk'"
    done = subprocess.run([*command, "--host=gtk"], check=False, capture_output=True, text=True, timeout=GUARD)
    assert done.returncode == 2
    assert "--host=gtk" in done.stderr
    assert all(repr(name) in done.stderr for name in ("tk", "qt", "custom"))
