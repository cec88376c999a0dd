"""Where an interrupt finds the thread that runs cells."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import MagicsManager

from async_kernel._comms import Comms
from async_kernel.caller._host import current_host, is_host_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

    from async_kernel.caller._host import Host

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
_CALLERS: Final = ("async_kernel.caller", "async_kernel_zmq.hosts", "tkinter")
"""Through which loops come to the user's code."""
_CALLBACKS: Final = ("async_kernel_zmq.hosts",)
"""What stands between a toolkit and a callback."""
_LOADING: Final = frozenset((MagicsManager.load_lazy.__code__,))
"""What is never finished once it was broken off: IPython does not load a magic twice."""
_SENDING: Final = (
    "async_kernel._iopub",
    "async_kernel._streams",
    "async_kernel_zmq._sockets",
    "async_kernel_zmq._readers",
)


Kind: TypeAlias = Literal["cell", "task", "callback", "kernel"]


class Place(NamedTuple):
    """Where an interrupt finds the thread."""

    kind: Kind
    """
    - `cell`: a cell's code is on the stack. A KeyboardInterrupt raised here reaches it, and nobody else.
    - `task`: a user's task or callback runs in the event loop. A KeyboardInterrupt would end the loop; a cancellation
      ends the task.
    - `callback`: the main loop of a GUI runs a user's callback. What that raises is shown, and ends nothing else.
    - `kernel`: no user's code runs: the loop waits, or the kernel works.
    """
    fragile: bool
    """Whether an exception would tear what is soon done: a message, a loop's own step, a traceback being made, an
    import; or would have no line of code to name."""
    nested: FrameType | None = None
    """Of a cell or callback, the frame that has called a toolkit and waits in a loop there, a modal dialog's say."""


def place(frame: FrameType | None) -> Place:
    """The place of an interrupted frame of the calling thread."""
    host = current_host()
    caller = frame
    while host and caller and is_host_frame(caller, host) and caller.f_code.co_name != "mainloop":
        caller = caller.f_back
    at = _place(caller, host)
    if caller is not frame and at.kind in {"cell", "callback"}:
        return at._replace(fragile=False, nested=caller)
    return at


def _place(frame: FrameType | None, host: Host | None) -> Place:
    fragile = _is_in_loop(frame) or _is_in_import(frame) or (frame is not None and frame.f_lineno is None)
    entry = module = ""
    below_step = in_callback = False
    while frame is not None:
        if frame.f_code in _BELOW_CELLS:
            return Place("cell", fragile or in_callback or _is_of(_KERNEL, module))
        if host and frame.f_code.co_name == "mainloop" and is_host_frame(frame, host):
            if not below_step and entry and not _is_of(_KERNEL, entry):
                return Place("callback", fragile)
            break
        fragile = fragile or frame.f_code in _LOADING
        module = module_of(frame)
        if (module, frame.f_code.co_name) in _STEPS:
            below_step = True
        elif not below_step:
            fragile = fragile or module in _SENDING
            in_callback = in_callback or _is_of(_CALLBACKS, module)
            entry = entry if _is_of((*_LOOPS, *_CALLERS), module) else module
        frame = frame.f_back
    is_user = below_step and entry and not _is_of((*_KERNEL, "selectors"), entry)
    return Place("task", fragile) if is_user else Place("kernel", fragile=False)


class DiscardedInterrupts:
    """Hears of interrupts that Python throws away: finalisers and callbacks of weak references have no caller.

    Args:
        raisers: the functions that raise interrupts.
        again: called for each that was thrown away, in the thread that it was raised in.
    """

    def __init__(self, raisers: Iterable[Callable[..., object]], again: Callable[[], object]) -> None:
        self._raisers = {raiser.__code__ for raiser in raisers}
        self._again = again

    def install(self) -> None:
        self._old = sys.unraisablehook
        sys.unraisablehook = self._on_unraisable

    def uninstall(self) -> None:
        sys.unraisablehook = self._old

    def _on_unraisable(self, unraisable: sys.UnraisableHookArgs) -> None:
        tb = unraisable.exc_traceback
        while tb and tb.tb_next:
            tb = tb.tb_next
        if tb and tb.tb_frame.f_code in self._raisers:
            self._again()
        else:
            self._old(unraisable)


def _is_in_loop(frame: FrameType | None) -> bool:
    """Whether the frame is one of an event loop's own, but for that in which it waits."""
    while frame is not None and _is_helper(module_of(frame)) and frame.f_code.co_name not in _WAITS:
        frame = frame.f_back
    if frame is None or frame.f_code.co_name in _WAITS:
        return False
    return _is_of((*_LOOPS, "async_kernel._nested_run", "async_kernel._own_stack"), module_of(frame))


def _is_in_import(frame: FrameType | None) -> bool:
    """Whether the import system itself works."""
    return frame is not None and _is_of(("importlib",), module_of(frame))


def _is_helper(module: str) -> bool:
    """Whether event loops call the module in the midst of a step. attrs leaves what it generates without one."""
    root = module.partition(".")[0]
    return root in ("", "attr", "sortedcontainers") or (root in sys.stdlib_module_names and root != "asyncio")


def module_of(frame: FrameType) -> str:
    """The name of the module that a frame's code is of."""
    name = str(frame.f_globals.get("__name__", ""))
    return "collections" if name.startswith("namedtuple_") else name  # the code that it generates says otherwise


def _is_of(packages: tuple[str, ...], module: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
