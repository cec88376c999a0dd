"""Commands of the system's shell, awaited, their output shown as it comes."""

from __future__ import annotations

import codecs
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final, cast

import anyio

from async_kernel._platform import HAS_THREADS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from anyio.abc import ByteReceiveStream, ByteSendStream, Process

HAS_PROCESSES: Final = sys.platform != "emscripten"
"""Whether there are processes. Pyodide has none, and a few commands in their place."""
CAN_AWAIT: Final = HAS_THREADS and hasattr(os, "openpty")
"""Whether this platform has what `run` needs for a process."""

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

    def show() -> bool:
        """Show what there is, and say whether more can come."""
        try:
            while data := os.read(master, _CHUNK):
                sys.stdout.write(decoder.decode(data))
        except BlockingIOError:
            return True
        except OSError:  # no process has the terminal any more
            return False
        return False

    async def show_all() -> None:
        while show():
            await anyio.wait_readable(master)

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(show_all)
            async with _ended_if_cancelled(process):
                code = await process.wait()
            group.cancel_scope.cancel()
        show()
    finally:
        os.close(master)
    return _uninterrupted(code)


async def feed(
    command: Sequence[str], text: bytes, write: Callable[[str], object], write_error: Callable[[str], object]
) -> int:
    """Run a program, give it a text to read and what it writes to two functions, and return its exit code.

    Raises:
        FileNotFoundError: there is no such program.
        KeyboardInterrupt: the program was ended by an interrupt.
    """
    async with await anyio.open_process(command, start_new_session=True) as process, _ended_if_cancelled(process):
        async with anyio.create_task_group() as group:
            group.start_soon(_give, cast("ByteSendStream", process.stdin), text)
            group.start_soon(_take, cast("ByteReceiveStream", process.stdout), write)
            group.start_soon(_take, cast("ByteReceiveStream", process.stderr), write_error)
        return _uninterrupted(await process.wait())


async def _give(stream: ByteSendStream, text: bytes) -> None:
    with suppress(anyio.BrokenResourceError):  # the program does not read all
        await stream.send(text)
    await stream.aclose()


async def _take(stream: ByteReceiveStream, write: Callable[[str], object]) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    async for data in stream:
        write(decoder.decode(data))


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


@asynccontextmanager
async def _ended_if_cancelled(process: Process) -> AsyncGenerator[None]:
    """Interrupt a command if the block is cancelled, and kill it if it does not end."""
    try:
        yield
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
