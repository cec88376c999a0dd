"""The debugger: the Debug Adapter Protocol as Jupyter carries it, and engines that stop code."""

from async_kernel.debugger._debugger import Debugger
from async_kernel.debugger._engine import DebugError, Engine

__all__ = ["DebugError", "Debugger", "Engine"]
