"""The interface that runs in this process. Jupyter allows one kernel a process: this is the one global."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from async_kernel.interface._base import BaseInterface

_interface: BaseInterface | None = None


def running_interface() -> BaseInterface | None:
    """The interface of this process, if there is one."""
    return _interface


def claim(interface: BaseInterface) -> None:
    """Make `interface` the one of this process.

    Raises:
        RuntimeError: there is another.
    """
    global _interface  # noqa: PLW0603  # the one global of the design
    if _interface is not None:
        msg = f"{type(_interface).__name__} {_interface.name!r} runs in this process: stop it before another is made"
        raise RuntimeError(msg)
    _interface = interface


def release(interface: BaseInterface) -> None:
    """Leave the place to another interface."""
    global _interface  # noqa: PLW0603  # the one global of the design
    if _interface is interface:
        _interface = None
