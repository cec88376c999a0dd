"""The desktop home of the kernel: ZMQ sockets, kernelspec and command line."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from async_kernel_zmq.interface import ZMQInterface
    from async_kernel_zmq.ip_app import IPApp

__all__ = ["IPApp", "ZMQInterface"]


def __getattr__(name: str) -> object:
    # Imported when asked for: `python -m` imports this package while modules beside the notebook may still stand in for
    # those that it needs, and most of the command needs none of them.
    if name == "IPApp":
        from async_kernel_zmq.ip_app import IPApp

        return IPApp
    if name == "ZMQInterface":
        from async_kernel_zmq.interface import ZMQInterface

        return ZMQInterface
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
