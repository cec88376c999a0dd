"""A concurrent Python kernel for Jupyter."""

from async_kernel._version import __version__

__all__ = ["__version__"]
