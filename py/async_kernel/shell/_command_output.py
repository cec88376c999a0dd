"""Where commands write: the cell's streams, or what a command line sends them to."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Generator

# No redirection of `sys.stdout`: other cells and tasks write to it meanwhile.
_out: ContextVar[TextIO | None] = ContextVar("async_kernel_command_out", default=None)
_err: ContextVar[TextIO | None] = ContextVar("async_kernel_command_err", default=None)


def write(text: str) -> None:
    """Write a command's output."""
    (_out.get() or sys.stdout).write(text)


def say(text: str) -> None:
    """Write a line of a command's output."""
    write(f"{text}\n")


def complain(text: str) -> None:
    """Write a line of a command's errors."""
    (_err.get() or sys.stderr).write(f"{text}\n")


@contextmanager
def sent_to(out: TextIO, err: TextIO | None = None) -> Generator[None]:
    """Let commands in the block write there."""
    tokens = _out.set(out), _err.set(err or _err.get())
    try:
        yield
    finally:
        _out.reset(tokens[0])
        _err.reset(tokens[1])
