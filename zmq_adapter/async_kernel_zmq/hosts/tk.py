"""Tk's main loop."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from async_kernel.caller import HostError, QueuedHost
from async_kernel.caller._host import current_host

if TYPE_CHECKING:
    import tkinter as tk

_MISSING: Final = (
    "The host 'tk' needs the module tkinter, which this Python lacks: install it (Debian: apt install python3-tk, "
    "Fedora: dnf install python3-tkinter, macOS: brew install python-tk), or use a Python that was built with Tk."
)


class TkHost(QueuedHost):
    """Tk's main loop, in an interpreter without windows: cells see no window but their own.

    Raises:
        HostError: there is no tkinter, or no display.
    """

    guis = ("tk",)

    def __init__(self) -> None:
        try:
            import tkinter as tk

            from async_kernel_zmq.hosts import _tk_callbacks, _tk_windows
        except ImportError as error:
            raise HostError(_MISSING) from error
        super().__init__()
        self.windows = _tk_windows.Windows()
        self.windows.try_display()
        self._root = tk.Tcl()
        self.windows.opened(self._root)
        self._tcl: Any = self._root.tk
        if not hasattr(self._tcl, "createfilehandler"):
            msg = "The host 'tk' needs Tk's file handlers, which Windows lacks: use the host 'qt'."
            raise HostError(msg)
        self._is_done = self._has_left = False
        self._read, self._write = socket.socketpair()
        self._tcl.createfilehandler(self._read, tk.READABLE, self._woken)
        _tk_callbacks.install(_opened)

    def wake(self) -> None:  # noqa: D102
        self._tcl.createtimerhandler(0, self._turn)

    def _turn(self) -> None:
        # Tk draws when it is idle, which it never is while a guest goes on and on.
        self._tcl.call("update", "idletasks")
        self.run_some()

    def wake_threadsafe(self) -> None:  # noqa: D102
        with suppress(OSError):  # closed: the main loop has ended
            self._write.send(b"!")

    def _woken(self, *_: object) -> None:
        self._read.recv(4096)
        self.run_some()

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

    def close_windows(self) -> None:  # noqa: D102
        self.windows.close()

    def leave_nested(self) -> None:  # noqa: D102
        self.windows.leave_nested()
        self._tcl.quit()

    def nested_left(self) -> None:  # noqa: D102
        self.windows.nested_left()


def _opened(app: tk.Tk) -> None:
    if isinstance(host := current_host(), TkHost):
        host.windows.opened(app)
