"""Where an interrupt finds the thread that runs cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from IPython.core.interactiveshell import InteractiveShell

from async_kernel._comms import Comms

if TYPE_CHECKING:
    from types import FrameType

Place = Literal["cell", "task", "busy", "kernel"]
"""
- `cell`: a cell's code is on the stack. A KeyboardInterrupt raised here reaches it, and nobody else.
- `task`: a user's task or callback runs in the event loop. A KeyboardInterrupt would end the loop; a cancellation ends
  the task.
- `busy`: either of them is in the middle of what must not be torn. Try again soon.
- `kernel`: no user's code runs: the loop waits, or the kernel works.
"""

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
_LIBRARIES: Final = ("asyncio", "anyio", "trio", "outcome", "selectors", "async_kernel.caller")
"""What stands between a loop and a user's code, and has state of its own."""
_KERNEL: Final = ("async_kernel", "async_kernel_zmq", "IPython")
_SENDING: Final = ("async_kernel._iopub", "async_kernel._streams", "async_kernel_zmq._sockets")
"""What a user's code is in while it prints: it does not block, and half a message is worse than a moment's delay."""


def place(frame: FrameType | None) -> Place:
    """The place of an interrupted frame. From inside to outside, up to the loop's step, then on in search of a cell."""
    entry, sends, below_step = "", False, False
    in_library = frame is not None and _is_of(_LIBRARIES, _module(frame))
    while frame is not None:
        if frame.f_code in _BELOW_CELLS:
            return "busy" if sends else "cell"
        module = _module(frame)
        if (module, frame.f_code.co_name) in _STEPS:
            below_step = True
        elif not below_step:
            sends = sends or module in _SENDING
            entry = entry if _is_of(_LIBRARIES, module) else module
        frame = frame.f_back
    if not entry or not below_step or _is_of(_KERNEL, entry):
        return "kernel"
    return "busy" if sends or in_library else "task"


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _is_of(packages: tuple[str, ...], module: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
