"""A virtual X server, and the windows on it as a user has them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from desktop.kernels import GUARD

if TYPE_CHECKING:
    from collections.abc import Generator

TOOLKITS = {
    "tk": ("tkinter", "a Python with Tk (Debian: apt install python3-tk)"),
    "qt": ("PySide6", "PySide6-Essentials (pip install PySide6-Essentials)"),
}


def need(found: object, what: str) -> None:
    """Skip the test where something is not to be had; on the machine that tests every change that is a failure."""
    if found:
        return
    text = f"GUI tests need {what}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


def need_toolkit(host: str) -> None:
    module, what = TOOLKITS[host]
    need(find_spec(module), what)


@contextmanager
def virtual_display() -> Generator[None]:
    """An X server without a screen, which the block and the processes that it starts use."""
    need(shutil.which("Xvfb") and shutil.which("xdotool"), "Xvfb and xdotool (Debian: apt install xvfb xdotool)")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with open(read) as pipe, pytest.MonkeyPatch.context() as patch:
            patch.setenv("DISPLAY", f":{pipe.readline().strip()}")
            for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
                patch.delenv(name, raising=False)
            yield
    finally:
        server.terminate()
        server.wait()


def wait_window(title: str) -> None:
    """Wait until a window with this title is on the screen."""
    xdotool("search", "--sync", "--onlyvisible", "--name", title)


def wait_closed(title: str) -> None:
    """Wait until no window with this title is on the screen."""
    command = ["xdotool", "search", "--onlyvisible", "--name", title]
    end = time.monotonic() + GUARD
    while subprocess.run(command, check=False, stdout=subprocess.DEVNULL, timeout=GUARD).returncode == 0:
        assert time.monotonic() < end, f"the window {title!r} does not close"


def click(x: int, y: int) -> None:
    """Click with the mouse, at pixels from the screen's corner."""
    xdotool("mousemove", str(x), str(y), "click", "1")


def press_key(key: str, x: int, y: int) -> None:
    """Press a key with the mouse over a window."""
    xdotool("mousemove", str(x), str(y), "key", key)


def xdotool(*args: str) -> None:
    subprocess.run(["xdotool", *args], check=True, stdout=subprocess.DEVNULL, timeout=GUARD)
