"""Python's own monitoring (`sys.monitoring`), for code that may stop and for no other.

Code without a breakpoint runs at full speed: the events of a place are switched off when they have come once and
nothing is to be done there, until there is another breakpoint or step.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, Protocol
from weakref import ref

from async_kernel.debugger._breakpoints import codes_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

_monitoring: Final[Any] = getattr(sys, "monitoring", None)
"""It is there from Python 3.12 on."""
_TOOL: Final = 4
"""The number of this tool: pdb takes the one for debuggers."""


class Watcher(Protocol):
    """What decides about the events. Each method returns whether the event is wanted at this place again."""

    def started(self, frame: FrameType) -> bool:
        """A frame begins, or goes on."""

    def on_line(self, frame: FrameType, line: int) -> bool:
        """A frame of a watched code object comes to a line."""

    def returning(self, frame: FrameType) -> bool:
        """A frame of a watched code object returns."""

    def raised(self, frame: FrameType, error: BaseException) -> None:
        """An exception is raised in a frame, or comes to it."""

    def unwinding(self, frame: FrameType, error: BaseException) -> None:
        """An exception leaves a frame."""


class Monitor:
    """Switches events on and off.

    Args:
        watcher: gets them.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._id = _TOOL
        self._codes: dict[int, ref[CodeType]] = {}
        """All code that was seen, by identity: code is equal to code of the same text."""
        self._all_lines = False
        self._exceptions = False

    def open(self) -> None:
        """Begin."""
        events = _monitoring.events
        _monitoring.use_tool_id(self._id, "async_kernel")
        for event, callback in (
            (events.PY_START, self._on_start),
            (events.PY_RESUME, self._on_start),
            (events.LINE, self._on_line),
            (events.PY_RETURN, self._on_return),
            (events.RAISE, self._on_raise),
            (events.PY_UNWIND, self._on_unwind),
        ):
            _monitoring.register_callback(self._id, event, callback)
        self._set_events()

    def close(self) -> None:
        """End. Code is as it was."""
        for code in self.codes():
            _monitoring.set_local_events(self._id, code, 0)
        self._codes.clear()
        self._all_lines = self._exceptions = False
        _monitoring.free_tool_id(self._id)

    def restart(self) -> None:
        """Want all events again that were not wanted any more."""
        _monitoring.restart_events()

    def watch_all_lines(self, *, on: bool) -> None:
        """Have the lines of all code."""
        self._all_lines = on
        self._set_events()

    def watch_exceptions(self, *, on: bool) -> None:
        """Have exceptions."""
        self._exceptions = on
        self._set_events()

    def watch(self, code: CodeType, *, lines: bool, returns: bool = False) -> None:
        """Have the lines, and the ends, of one code object."""
        events = _monitoring.events
        wanted = (events.LINE if lines else 0) | (events.PY_RETURN if returns else 0)
        if _monitoring.get_local_events(self._id, code) != wanted:
            _monitoring.set_local_events(self._id, code, wanted)

    def know(self, code: CodeType) -> None:
        """Remember a code object and what is nested in it."""
        for each in codes_in(code):
            number = id(each)
            if number not in self._codes:
                self._codes[number] = ref(each, lambda _, number=number: self._codes.pop(number, None))  # type: ignore[misc]

    def codes(self) -> Iterator[CodeType]:
        """What is remembered and still there."""
        for each in list(self._codes.values()):
            if code := each():
                yield code

    def _set_events(self) -> None:
        events = _monitoring.events
        wanted = events.PY_START | events.PY_RESUME
        wanted |= events.LINE if self._all_lines else 0
        wanted |= events.RAISE | events.PY_UNWIND if self._exceptions else 0
        _monitoring.set_events(self._id, wanted)

    # The callbacks are called by the frame that they are about.

    def _on_start(self, _: CodeType, __: int) -> object:
        return None if self._watcher.started(sys._getframe(1)) else _monitoring.DISABLE

    def _on_line(self, _: CodeType, line: int) -> object:
        return None if self._watcher.on_line(sys._getframe(1), line) else _monitoring.DISABLE

    def _on_return(self, _: CodeType, __: int, ___: object) -> object:
        return None if self._watcher.returning(sys._getframe(1)) else _monitoring.DISABLE

    def _on_raise(self, _: CodeType, __: int, error: BaseException) -> None:
        self._watcher.raised(sys._getframe(1), error)

    def _on_unwind(self, _: CodeType, __: int, error: BaseException) -> None:
        self._watcher.unwinding(sys._getframe(1), error)
