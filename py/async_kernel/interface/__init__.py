"""Interfaces: how a kernel is configured, started, reached and ended."""

from async_kernel._has_interface import HasInterface
from async_kernel._kernel import Kernel
from async_kernel.interface._base import BaseInterface
from async_kernel.interface._callable import CallableInterface, Handlers, start_kernel_callable_interface
from async_kernel.interface._launch import launch_interface

__all__ = [
    "BaseInterface",
    "CallableInterface",
    "Handlers",
    "HasInterface",
    "Kernel",
    "launch_interface",
    "start_kernel_callable_interface",
]
