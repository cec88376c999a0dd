"""The frames of all threads.

Before Python 3.12 `sys._current_frames` allocates while it holds the lock that starting and ending a thread takes. If
that sets off a garbage collection, and a finaliser in it gives another thread its turn, both threads may wait for ever.
"""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_unsafe_current_frames = sys._current_frames
_no_collection = threading.RLock()


def _current_frames_uncollected() -> dict[int, FrameType]:
    with _no_collection:
        enabled = gc.isenabled()
        try:
            gc.disable()
            found = _unsafe_current_frames()
            found[threading.get_ident()] = sys._getframe(1)
            return found
        finally:
            if enabled:
                gc.enable()


current_frames = sys._current_frames if sys.version_info >= (3, 12) else _current_frames_uncollected
