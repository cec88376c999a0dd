"""The shell: IPython as the kernel runs it."""

from async_kernel.shell._shell import AsyncInteractiveShell

__all__ = ["AsyncInteractiveShell"]
