"""Whether there are handlers of signals that may raise at any place, such as those by which code limits its time."""

from __future__ import annotations

import signal
import threading
from _signal import getsignal  # type: ignore[import-not-found]  # that of `signal` makes members of an enumeration, which takes long
from typing import Final

_NUMBERS: Final = [int(number) for number in signal.valid_signals()]


class ForeignHandlers:
    """Tells whether the calling thread may be interrupted by a handler that is not the kernel's.

    Those of the kernel raise nothing in its own code.
    """

    def __init__(self) -> None:
        self._handlers: list[object] = []
        self._found = False

    def may_strike(self) -> bool:
        """Whether one may, in the calling thread."""
        if threading.current_thread() is not threading.main_thread():
            return False
        handlers: list[object] = [*map(getsignal, _NUMBERS)]
        if handlers != self._handlers:
            self._found = any(map(_is_foreign, handlers))
            self._handlers = handlers  # last: one may strike here
        return self._found


def _is_foreign(handler: object) -> bool:
    ours = __name__.partition(".")[0]
    return callable(handler) and not str(getattr(handler, "__module__", "")).startswith(ours)
