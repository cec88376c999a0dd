"""Where an interrupt finds the thread that runs cells."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from IPython.core.interactiveshell import InteractiveShell

from async_kernel._comms import Comms

if TYPE_CHECKING:
    from types import FrameType

_BELOW_CELLS: Final = frozenset((InteractiveShell.run_code.__code__, Comms.handle.__code__))
_STEPS: Final = frozenset(
    (
        ("asyncio.events", "_run"),
        ("asyncio.base_events", "_run_once"),
        ("asyncio.runners", "run"),
        ("trio._core._run", "unrolled_run"),
    )
)
"""The functions by which event loops run tasks and callbacks."""
_LOOPS: Final = ("asyncio", "anyio", "trio", "outcome", "pyodide.webloop")
_WAITS: Final = ("select", "get_events")
"""The functions of `selectors` and of trio in which an event loop waits."""
_KERNEL: Final = ("async_kernel", "async_kernel_zmq", "IPython")
_SENDING: Final = ("async_kernel._iopub", "async_kernel._streams", "async_kernel_zmq._sockets")


class Place(NamedTuple):
    """Where an interrupt finds the thread."""

    kind: Literal["cell", "task", "kernel"]
    """
    - `cell`: a cell's code is on the stack. A KeyboardInterrupt raised here reaches it, and nobody else.
    - `task`: a user's task or callback runs in the event loop. A KeyboardInterrupt would end the loop; a cancellation
      ends the task.
    - `kernel`: no user's code runs: the loop waits, or the kernel works.
    """
    fragile: bool
    """Whether an exception would tear what is soon done: a message, a loop's own step, a traceback being made."""


def place(frame: FrameType | None) -> Place:
    """The place of an interrupted frame."""
    fragile = _is_in_loop(frame)
    entry = module = ""
    below_step = False
    while frame is not None:
        if frame.f_code in _BELOW_CELLS:
            return Place("cell", fragile or _is_of(_KERNEL, module))
        module = _module(frame)
        if (module, frame.f_code.co_name) in _STEPS:
            below_step = True
        elif not below_step:
            fragile = fragile or module in _SENDING
            entry = entry if _is_of((*_LOOPS, "async_kernel.caller"), module) else module
        frame = frame.f_back
    is_user = below_step and entry and not _is_of((*_KERNEL, "selectors"), entry)
    return Place("task", fragile) if is_user else Place("kernel", fragile=False)


def _is_in_loop(frame: FrameType | None) -> bool:
    """Whether the frame is one of an event loop's own, but for that in which it waits."""
    while frame is not None and _is_helper(_module(frame)) and frame.f_code.co_name not in _WAITS:
        frame = frame.f_back
    if frame is None or frame.f_code.co_name in _WAITS:
        return False
    return _is_of((*_LOOPS, "async_kernel._nested_run", "async_kernel._own_stack"), _module(frame))


def _is_helper(module: str) -> bool:
    """Whether event loops call the module in the midst of a step. attrs leaves what it generates without one."""
    root = module.partition(".")[0]
    return root in ("", "attr", "sortedcontainers") or (root in sys.stdlib_module_names and root != "asyncio")


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _is_of(packages: tuple[str, ...], module: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
