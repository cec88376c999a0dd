"""The desktop home of the kernel: ZMQ sockets, kernelspec and command line."""

from async_kernel_zmq.interface import ZMQInterface

__all__ = ["ZMQInterface"]
