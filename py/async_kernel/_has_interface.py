"""The mixin for configurable parts of the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitlets import Instance
from traitlets.config import Config, Configurable, LoggingConfigurable

from async_kernel._running import running_interface

if TYPE_CHECKING:
    from async_kernel.interface._base import BaseInterface


class HasInterface(LoggingConfigurable):
    """A configurable class that shares the interface's configuration and its log.

    Without a `parent` it takes the interface that runs in this process.

    Raises:
        RuntimeError: on construction, if there is no interface.
        TypeError: on class creation, if a subclass replaces `parent` or `config`.
    """

    parent: BaseInterface = Instance(Configurable)  # type: ignore[assignment]  # a trait reads as its value
    config = Instance(Config, ())

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in cls.__mro__[: cls.__mro__.index(HasInterface)]:
            for name in ("parent", "config"):
                if name in vars(base):
                    msg = (
                        f"{base.__name__} overrides {name!r}, which {cls.__name__} shares with the interface: "
                        f"remove it, or put HasInterface first among the bases of {cls.__name__}"
                    )
                    raise TypeError(msg)

    def __init__(self, **kwargs: Any) -> None:
        if kwargs.get("parent") is None:
            if (interface := running_interface()) is None:
                msg = f"{type(self).__name__} needs an interface: start one, or pass it as parent"
                raise RuntimeError(msg)
            kwargs["parent"] = interface
        super().__init__(**kwargs)
