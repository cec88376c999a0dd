"""The windows that Tk has in one thread, and Tcl's interpreters below them.

Tcl ends the process where an interpreter is deleted in another thread than its own. Python collects garbage in any
thread, and a kernel has several: so interpreters are kept for their thread.
"""

from __future__ import annotations

import ctypes
import sys
import tkinter as tk
import weakref
from contextlib import suppress
from typing import Any, Final

from async_kernel.caller import HostError

_NO_DISPLAY: Final = (
    "The host 'tk' cannot open windows: {}. Set DISPLAY to an X server that runs and lets you in, or start one "
    "without a screen (Debian: apt install xvfb): Xvfb :99 & export DISPLAY=:99"
)
_OWN: Final = 4
"""References to an interpreter that nobody else uses: the list, the one that is never given back, and of a look two."""


class Windows:
    """What a host knows of the windows of its thread. To be called there."""

    def __init__(self) -> None:
        self._apps: weakref.WeakSet[tk.Tk] = weakref.WeakSet()
        self._kept: list[Any] = []

    def try_display(self) -> None:
        """Open a window and destroy it, before anyone sees it.

        Raises:
            HostError: it cannot be opened.
        """
        try:
            window = tk.Tk()
        except tk.TclError as error:
            raise HostError(_NO_DISPLAY.format(error)) from error
        self.opened(window)
        window.withdraw()
        window.update_idletasks()
        window.destroy()

    def opened(self, app: tk.Tk) -> None:
        """Know of an interpreter and its windows. Threads may use them, since a main loop serves them."""
        self._delete_unused()
        if all(kept is not app.tk for kept in self._kept):
            self._kept.append(app.tk)
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(app.tk))  # also when this object goes, in whatever thread
        self._apps.add(app)
        app.tk.willdispatch()

    def _delete_unused(self) -> None:
        for i in reversed(range(len(self._kept))):
            unused = self._kept[i]
            if sys.getrefcount(unused) == _OWN:
                del self._kept[i]
                ctypes.pythonapi.Py_DecRef(ctypes.py_object(unused))

    def close(self) -> None:
        """Destroy them, and with them what `after` is to call."""
        for app in list(self._apps):
            with suppress(tk.TclError):  # it is destroyed already
                app.destroy()

    def leave_nested(self) -> None:
        """End dialogs, and `wait_window` and its like."""
        for app in list(self._apps):
            with suppress(tk.TclError):
                if dialog := app.tk.call("grab", "current"):
                    app.tk.call("destroy", dialog)
                app.tk.call("interp", "cancel", "-unwind")

    def nested_left(self) -> None:
        """Take back what was to cancel code of Tcl, where there was none."""
        for app in list(self._apps):
            with suppress(tk.TclError):
                app.tk.call("info", "level")
