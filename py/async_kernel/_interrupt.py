"""Where an interrupt finds the thread that runs cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.interactiveshell import InteractiveShell

from async_kernel._comms import Comms

if TYPE_CHECKING:
    from types import FrameType

_BELOW_USER_CODE = frozenset((InteractiveShell.run_code.__code__, Comms.handle.__code__))


def runs_user_code(frame: FrameType | None) -> bool:
    """Whether a user's code is on the stack: then a KeyboardInterrupt raised here reaches it, and nobody else.

    Anywhere else it would be raised in the event loop or in the kernel itself, and lost.
    """
    while frame is not None:
        if frame.f_code in _BELOW_USER_CODE:
            return True
        frame = frame.f_back
    return False
