"""Tk's main loop."""

from __future__ import annotations

import socket
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from async_kernel.caller import FunctionQueue, Host, HostError
from async_kernel.caller._host import current_host

from async_kernel_zmq.hosts._tk_interpreters import Interpreters

if TYPE_CHECKING:
    import tkinter as tk
    from collections.abc import Callable

_MISSING: Final = (
    "The host 'tk' needs the module tkinter, which this Python lacks: install it (Debian: apt install python3-tk, "
    "Fedora: dnf install python3-tkinter, macOS: brew install python-tk), or use a Python that was built with Tk."
)
_NO_DISPLAY: Final = (
    "The host 'tk' cannot open windows: {}. Set DISPLAY to an X server that runs and lets you in, or start one "
    "without a screen (Debian: apt install xvfb): Xvfb :99 & export DISPLAY=:99"
)


class TkHost(Host):
    """Tk's main loop, in an interpreter without windows: cells see no window but their own.

    Raises:
        HostError: there is no tkinter, or no display.
    """

    guis = ("tk",)

    def __init__(self) -> None:
        try:
            import tkinter as tk

            from async_kernel_zmq.hosts import _tk_callbacks
        except ImportError as error:
            raise HostError(_MISSING) from error
        self._interpreters = Interpreters()
        try:
            self._try_display(tk.Tk())
        except tk.TclError as error:
            raise HostError(_NO_DISPLAY.format(error)) from error
        self._root = tk.Tcl()
        self._tcl: Any = self._root.tk
        self._interpreters.keep(self._tcl)
        if not hasattr(self._tcl, "createfilehandler"):
            msg = "The host 'tk' needs Tk's file handlers, which Windows lacks: use the host 'qt'."
            raise HostError(msg)
        self._error = tk.TclError
        self._windows: weakref.WeakSet[tk.Tk] = weakref.WeakSet()
        self._queue = FunctionQueue(self._wake, self._wake_threadsafe)
        self._is_done = self._has_left = False
        self._read, self._write = socket.socketpair()
        self._tcl.createfilehandler(self._read, tk.READABLE, self._woken)
        _tk_callbacks.install(_opened)

    def _try_display(self, window: tk.Tk) -> None:
        self._interpreters.keep(window.tk)
        window.withdraw()
        window.update_idletasks()
        window.destroy()

    def run_soon(self, function: Callable[[], object], /) -> None:  # noqa: D102
        self._queue.put(function)

    def run_soon_threadsafe(self, function: Callable[[], object], /) -> None:  # noqa: D102
        self._queue.put_threadsafe(function)

    def _wake(self) -> None:
        self._tcl.createtimerhandler(0, self._turn)

    def _turn(self) -> None:
        # Tk draws when it is idle, which it never is while a guest goes on and on.
        self._tcl.call("update", "idletasks")
        self._queue.run_some()

    def _wake_threadsafe(self) -> None:
        with suppress(OSError):  # closed: the main loop has ended
            self._write.send(b"!")

    def _woken(self, *_: object) -> None:
        self._read.recv(4096)
        self._queue.run_some()

    def mainloop(self) -> None:  # noqa: D102
        while not self._is_done:
            self._root.mainloop(-1)  # with windows or without; the `quit` of a cell ends it
        self._has_left = True
        self._tcl.deletefilehandler(self._read)
        self._read.close()
        self._write.close()

    def done(self) -> None:  # noqa: D102
        self._is_done = True
        self._quit()

    def _quit(self) -> None:
        # Of the main loops of all threads one takes notice: told again until this one has.
        if not self._has_left:
            self._tcl.quit()
            self._tcl.createtimerhandler(1, self._quit)

    def opened(self, app: tk.Tk) -> None:
        """Know of windows. Threads may use them, since a main loop serves them."""
        self._interpreters.keep(app.tk)
        self._windows.add(app)
        app.tk.willdispatch()

    def leave_nested(self) -> None:
        """End dialogs, `wait_window` and its like, and `mainloop`."""
        for app in list(self._windows):
            with suppress(self._error):  # destroyed
                if dialog := app.tk.call("grab", "current"):
                    app.tk.call("destroy", dialog)
                app.tk.call("interp", "cancel", "-unwind")
        self._tcl.quit()

    def nested_left(self) -> None:
        """Take back what was to cancel code of Tcl, where there was none."""
        for app in list(self._windows):
            with suppress(self._error):
                app.tk.call("info", "level")


def _opened(app: tk.Tk) -> None:
    if isinstance(host := current_host(), TkHost):
        host.opened(app)
