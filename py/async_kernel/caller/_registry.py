"""The callers of this process, by thread.

One caller a thread is a fact about the process, as the threads are: this is the only state that modules here share.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

from async_kernel.caller._call import running

if TYPE_CHECKING:
    from async_kernel.caller._caller import Caller

_callers: dict[int, Caller] = {}


def claim(caller_id: int, caller: Caller) -> bool:
    """Enter the caller under its id. `False` if a live one is there."""
    if (other := find(caller_id)) is not None and other is not caller:
        return False
    return _callers.setdefault(caller_id, caller) is caller


def release(caller_id: int, caller: Caller) -> None:
    """Take the caller out again."""
    if _callers.get(caller_id) is caller:
        del _callers[caller_id]


def find(caller_id: int) -> Caller | None:
    """The live caller with this id."""
    caller = _callers.get(caller_id)
    if caller is not None and caller.stopped:  # its loop was closed without a word
        release(caller_id, caller)
        return None
    return caller


def find_current() -> Caller | None:
    """The live caller of the current context: that of the call it belongs to, or else that of the thread."""
    thread_id = threading.get_ident()
    if (call := running.get()) is not None and call.owner.thread_id == thread_id:
        caller = cast("Caller", call.owner)  # none else owns calls
        if not caller.stopped:
            return caller
    return find(thread_id)


def everyone() -> list[Caller]:
    """All live callers."""
    return [caller for caller in list(_callers.values()) if not caller.stopped]
