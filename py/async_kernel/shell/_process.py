"""Commands of the system's shell, awaited, their output shown as it comes."""

from __future__ import annotations

import codecs
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import anyio

from async_kernel._platform import HAS_THREADS

if TYPE_CHECKING:
    from anyio.abc import Process

CAN_AWAIT: Final = HAS_THREADS and hasattr(os, "openpty")
"""Whether this platform has what `run` needs."""

_CHUNK: Final = 1 << 16
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
"""What a command gets, one after the other, before it is killed."""
_PATIENCE: Final = 0.3
"""Seconds that it has to end after each."""


async def run(command: str) -> int:
    """Run a command in a terminal of its own, write its output to `sys.stdout`, and return its exit code.

    Programs write to a terminal line by line. A command that is cancelled is interrupted, and killed if it does not
    end.

    Raises:
        KeyboardInterrupt: the command was ended by an interrupt.
    """
    master, slave = _open_terminal()
    try:
        process = await anyio.open_process(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def show() -> None:
        # A terminal that nobody writes to any more answers with an error.
        with suppress(BlockingIOError, OSError):
            while data := os.read(master, _CHUNK):
                sys.stdout.write(decoder.decode(data))

    async def show_all() -> None:
        while True:
            await anyio.wait_readable(master)
            show()

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(show_all)
            code = await _wait(process)
            group.cancel_scope.cancel()
        show()
    finally:
        os.close(master)
    return _uninterrupted(code)


async def output(command: str) -> tuple[str, int]:
    """What a command writes, to both its streams, and its exit code.

    Raises:
        KeyboardInterrupt: the command was ended by an interrupt.
    """
    result = await anyio.run_process(command, check=False, stderr=subprocess.STDOUT, start_new_session=True)
    return result.stdout.decode(errors="replace"), _uninterrupted(result.returncode)


def _uninterrupted(code: int) -> int:
    """The exit code, unless an interrupt of the kernel reached the command before it had a session of its own."""
    if code == -signal.SIGINT:
        raise KeyboardInterrupt
    return code


def _open_terminal() -> tuple[int, int]:
    import termios

    master, slave = os.openpty()
    os.set_blocking(master, False)  # os's signature
    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.ONLCR  # line ends stay as they are written
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    return master, slave


async def _wait(process: Process) -> int:
    try:
        return await process.wait()
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True):
            for number in _SIGNALS:
                _signal(process, number)
                with anyio.move_on_after(_PATIENCE):
                    await process.wait()
                    break
            else:
                _signal(process, signal.SIGKILL)
                await process.wait()
        raise


def _signal(process: Process, number: signal.Signals) -> None:
    """Send a signal to the command and to all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
