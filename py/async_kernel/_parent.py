"""Notices that the process which started the kernel has ended."""

from __future__ import annotations

import os


class Parent:
    """The parent process, where a client of Jupyter says that the kernel is to end with it: in JPY_PARENT_PID."""

    def __init__(self) -> None:
        pid = os.environ.get("JPY_PARENT_PID", "")
        self._client = int(pid) if pid.isdecimal() else None
        # Another process where the client starts kernels by way of a program.
        self._parent = os.getppid()

    @property
    def has_ended(self) -> bool:
        """Whether it, or the program between, has ended."""
        if self._client is None:
            return False
        return os.getppid() != self._parent or (self._parent != self._client and not _exists(self._client))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True
