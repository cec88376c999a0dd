"""The memory snapshot that the browser starts from: what is in it, and what has to be made anew when it is restored."""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import logging
import os
import random
import sys
import tempfile
import time
import uuid
from importlib import metadata
from importlib.machinery import FileFinder
from typing import TYPE_CHECKING, Any, Final

import jedi

from async_kernel.interface._callable import CallableInterface
from async_kernel.interface._launch import make_interface

if TYPE_CHECKING:
    from collections.abc import Mapping

    from async_kernel._wire import Buffer

_CELLS: Final = ("print(1)\n1 + 1", "1 / 0", "import asyncio\nawait asyncio.sleep(0)")
"""What first cells use: output, a result, a traceback, an await."""


async def warm_up(distributions: str) -> None:
    """Import and run what a new kernel needs first, and leave nothing of it running.

    Args:
        distributions: names of installed distributions whose modules to import besides, with spaces between.
    """
    jedi.Interpreter("", [{}])  # reads Python's grammar
    for name in distributions.split():
        for module in _modules(name):
            importlib.import_module(module)
    await _run_kernel()
    random.seed(0)
    gc.collect()
    gc.freeze()  # modules live to the end: no use in going through them again and again


def _modules(distribution: str) -> set[str]:
    """The modules and packages at the top level of a distribution."""
    paths = [path for path in metadata.files(distribution) or () if path.suffix == ".py"]
    modules = {path.stem for path in paths if len(path.parts) == 1}
    return modules | {path.parts[0] for path in paths if path.parts[1:] == ("__init__.py",)}


async def _run_kernel() -> None:
    """Run a kernel and ask it what clients ask first."""
    ended = asyncio.Event()
    idle: dict[str, asyncio.Event] = {}

    def send(msg_json: str, _: list[Buffer] | None, __: bool, /) -> None:
        msg = json.loads(msg_json)
        if msg["content"].get("execution_state") == "idle" and msg["parent_header"]:
            idle[msg["parent_header"]["msg_id"]].set()

    interface = make_interface(CallableInterface, {})
    handlers = await interface.start_async(send=send, stopped=ended.set)

    async def ask(msg_type: str, **content: Any) -> None:
        msg_id = uuid.UUID(int=len(idle)).hex
        idle[msg_id] = asyncio.Event()
        header = {"msg_id": msg_id, "msg_type": msg_type, "session": "", "username": "", "date": "", "version": "5.4"}
        msg = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}
        handlers["handle_msg"](json.dumps(msg))
        await idle[msg_id].wait()

    await ask("kernel_info_request")
    for code in _CELLS:
        await ask("execute_request", code=code, silent=False, store_history=True, stop_on_error=False)
    await ask("inspect_request", code="print", cursor_pos=5, detail_level=0)
    await ask("is_complete_request", code="for i in range(3):")
    await ask("comm_info_request")
    await ask("history_request", hist_access_type="tail", n=10, output=False, raw=True)
    handlers["stop"]()
    await ended.wait()


def resume(environment: Mapping[str, str]) -> None:
    """Be another process, on the machine that the snapshot was restored on.

    Args:
        environment: variables of this process that differ from those of the build.
    """
    os.environ.update(environment)
    _read_time_zone()
    random.seed()
    # They draw from generators of their own, or keep what tells one machine or moment from others.
    tempfile._name_sequence = None  # type: ignore[attr-defined]  # there is no public way to have it made anew
    uuid._node = uuid._last_timestamp = None  # type: ignore[attr-defined]  # likewise
    logging._startTime = time.time_ns()  # type: ignore[attr-defined]  # likewise
    for finder in sys.path_importer_cache.values():
        if isinstance(finder, FileFinder):
            finder.invalidate_caches()  # its directory is a new one
    while sys.path.count("") > 1:  # Pyodide puts it there at each start
        sys.path.remove("")


def _read_time_zone() -> None:
    """Do what the module `time` does when it is imported, since Pyodide has no `time.tzset`."""
    year = time.localtime().tm_year
    january, july = (time.localtime(time.mktime((year, month, 1, 12, 0, 0, 0, 0, -1))) for month in (1, 7))
    standard, summer = (july, january) if january.tm_gmtoff > july.tm_gmtoff else (january, july)
    vars(time).update(
        timezone=-standard.tm_gmtoff,
        altzone=-summer.tm_gmtoff,
        daylight=int(standard.tm_gmtoff != summer.tm_gmtoff),
        tzname=(standard.tm_zone, summer.tm_zone),
    )
