"""What tkinter does for scripts, done for cells: callbacks run for the cell that made them, and end no kernel."""

from __future__ import annotations

import tkinter as tk
from contextlib import nullcontext
from functools import wraps
from typing import TYPE_CHECKING, Any

from async_kernel._context import current_request, request_context

if TYPE_CHECKING:
    from collections.abc import Callable


class CellCallback(tk.CallWrapper):
    """A callback of a widget. What it prints and raises belongs to the cell that made it."""

    def __init__(self, func: Any, subst: Any, widget: Any) -> None:
        super().__init__(func, subst, widget)
        self._request = current_request()

    def __call__(self, *args: str) -> Any:
        with request_context(self._request) if self._request else nullcontext():
            try:
                return self.func(*(self.subst(*args) if self.subst else args))
            except BaseException:  # noqa: BLE001  # outer edge: sys.exit and an interrupt end the callback alone
                self.widget._report_exception()


def install(opened: Callable[[tk.Tk], None]) -> None:
    """Begin, for the whole process.

    Args:
        opened: called with each interpreter that is made, and when its `mainloop` returns.
    """
    if tk.CallWrapper is not CellCallback:
        tk.CallWrapper = CellCallback  # type: ignore[misc]  # tkinter's own name for what it calls
        _call_after(tk.Tk, "__init__", opened)
        _call_after(tk.Misc, "mainloop", lambda widget: opened(widget._root()))


def _call_after(owner: type, name: str, then: Callable[[Any], None]) -> None:
    function = getattr(owner, name)

    @wraps(function)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        function(self, *args, **kwargs)
        then(self)

    setattr(owner, name, call)
