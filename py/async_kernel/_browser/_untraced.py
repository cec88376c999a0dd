"""What traces one stack is not to trace the others, which run while it waits: they are of one thread to Python."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Generator

_monitoring: Final[Any] = getattr(sys, "monitoring", None)
"""It is there from Python 3.12 on: the type checker looks at 3.11."""


@contextmanager
def untraced() -> Generator[None]:
    """Suspend pdb, which waits at its prompt, by either of its ways to trace."""
    tool = _monitoring.DEBUGGER_ID
    trace = sys.gettrace()
    events = _monitoring.get_events(tool) if _monitoring.get_tool(tool) else 0
    sys.settrace(None)
    if events:
        _monitoring.set_events(tool, 0)
    try:
        yield
    finally:
        sys.settrace(trace)
        if events and _monitoring.get_tool(tool):
            _monitoring.set_events(tool, events)
