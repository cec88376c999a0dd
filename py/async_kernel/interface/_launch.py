"""From settings to an interface."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, TypeVar

from traitlets import TraitError
from traitlets.utils.importstring import import_item

from async_kernel import _running
from async_kernel._errors import SettingsError
from async_kernel.interface._base import BaseInterface

if TYPE_CHECKING:
    from collections.abc import Mapping

I = TypeVar("I", bound=BaseInterface)  # noqa: E741  # the field's name for it

_DESKTOP = "async_kernel_zmq.IPApp"


def make_interface(base: type[I], settings: Mapping[str, Any], *, class_default: type[I] | str | None = None) -> I:
    """An interface with its settings.

    Args:
        base: what `interface_class` must be a subclass of.
        settings: traitlets configuration; see `start_kernel_callable_interface`.
        class_default: the class where the settings name none; `base` unless given.

    Raises:
        SettingsError: a setting is unknown, or `interface_class` is not to be had.
        RuntimeError: an interface runs in this process already.
    """
    settings = dict(settings)
    cls = settings.pop("interface_class", class_default or base)
    if isinstance(cls, str):
        try:
            cls = import_item(cls)
        except ImportError as e:
            msg = f"interface_class {cls!r} cannot be imported: {e}"
            raise SettingsError(msg) from e
    if not (isinstance(cls, type) and issubclass(cls, base)):
        msg = f"interface_class must be a subclass of {base.__name__}, got {cls!r}"
        raise SettingsError(msg)
    interface = cls()
    try:
        interface.load_settings(settings)
    except (SettingsError, TraitError) as e:
        _running.release(interface)
        if isinstance(e, TraitError):
            raise SettingsError(str(e)) from e
        raise
    return interface


def launch_interface(settings: Mapping[str, Any] | None = None) -> None:
    """Run a kernel from the command line's arguments until it ends.

    Args:
        settings: traitlets configuration; `interface_class`, a class or dotted path, is `async_kernel_zmq.IPApp`
            unless given.

    Raises:
        SettingsError: a setting is unknown.
    """
    interface = make_interface(BaseInterface, settings or {}, class_default=_DESKTOP)
    interface.initialize()
    gc.freeze()  # modules live to the end: no use in going through them again and again
    gc.enable()
    interface.start()
