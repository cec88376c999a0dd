"""The desktop home of the kernel: ZMQ sockets, kernelspec and command line."""

from async_kernel_zmq.interface import ZMQInterface
from async_kernel_zmq.ip_app import IPApp

__all__ = ["IPApp", "ZMQInterface"]
