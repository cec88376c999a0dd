"""The kernel in Pyodide: the only place that imports `js` and `pyodide`."""

from async_kernel._browser._start import start

__all__ = ["start"]
