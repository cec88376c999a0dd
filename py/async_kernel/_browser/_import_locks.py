"""Imports in tasks that interleave, though there is but one thread.

A cell that imports gives the event loop turns, as any that computes. Python's own locks of modules know threads only:
another task would get a module that is half initialised.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pyodide import ffi

if TYPE_CHECKING:
    from collections.abc import Callable

    Owner = asyncio.Task[Any] | None


class ImportLocks:
    """Lets a task wait while another one imports the same module.

    Args:
        wait: waits for an awaitable in place.
    """

    def __init__(self, wait: Callable[[Any], object]) -> None:
        self._wait = wait
        self._waiting: dict[Owner, _ModuleLock] = {}

    def lock(self, name: str) -> _ModuleLock:
        """What `importlib` takes as the lock of a module."""
        return _ModuleLock(name, self)

    def wait_for(self, lock: _ModuleLock, owner: Owner) -> None:
        """Wait until a lock is free, unless its owner waits for `owner` in turn, or one cannot wait here."""
        self._waiting[owner] = lock
        try:
            while lock.is_of_others(owner) and not self._is_circle(owner, lock) and ffi.can_run_sync():
                self._wait(asyncio.sleep(0))
        finally:
            del self._waiting[owner]

    def _is_circle(self, owner: Owner, lock: _ModuleLock) -> bool:
        seen = {lock}
        while (following := self._waiting.get(lock.first)) is not None and following not in seen:
            if owner in following.owners:
                return True
            seen.add(following)
            lock = following
        return False


class _ModuleLock:
    """As `importlib._bootstrap._ModuleLock`, whose owners are threads."""

    def __init__(self, name: str, locks: ImportLocks) -> None:
        self.name = name
        self.owners: list[Owner] = []
        """One for each time that it is held: several where waiting would never end."""
        self._locks = locks

    @property
    def first(self) -> Owner:
        return self.owners[0] if self.owners else None

    def is_of_others(self, owner: Owner) -> bool:
        """Whether it is held, and not by `owner`."""
        return bool(self.owners) and owner not in self.owners

    def acquire(self) -> bool:
        """Hold it, once more if need be."""
        owner = _current_task()
        if self.is_of_others(owner):
            self._locks.wait_for(self, owner)
        self.owners.append(owner)
        return True

    def release(self) -> None:
        """Hold it once less."""
        self.owners.remove(_current_task())


def _current_task() -> Owner:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
