"""Qt's main loop, whichever of Qt's packages for Python brings it."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Final

from async_kernel.caller import HostError, QueuedHost

PACKAGES: Final = {"PySide6": "PySide6-Essentials", "PyQt6": "PyQt6", "PySide2": "PySide2", "PyQt5": "PyQt5"}
"""What `host_options` may name as `module`, and what to install for it."""
_MISSING: Final = (
    "The host 'qt' needs {}, which cannot be imported: {}. Install it (pip install {}), or choose another with "
    "--host_options=module=NAME, one of: {}."
)


class QtHost(QueuedHost):
    """Qt's main loop. In the main thread only, as Qt asks for.

    Args:
        module: the package that brings Qt.

    Raises:
        HostError: the package is unknown or not installed, or there is no display.
    """

    def __init__(self, module: str = "PySide6") -> None:
        if module not in PACKAGES:
            msg = f"The host 'qt' knows no module {module!r}. Use one of: {', '.join(PACKAGES)}."
            raise HostError(msg)
        if threading.current_thread() is not threading.main_thread():
            msg = "Qt runs in the main thread only: start the kernel with --host=qt, or use the host 'tk' here."
            raise HostError(msg)
        try:
            core, widgets = import_module(f"{module}.QtCore"), import_module(f"{module}.QtWidgets")
        except ImportError as error:
            raise HostError(_MISSING.format(module, error, PACKAGES[module], ", ".join(PACKAGES))) from error
        from async_kernel_zmq.hosts import _qt_application

        super().__init__()
        self.guis = ("qt", "qt6" if module.endswith("6") else "qt5")
        self._application = _qt_application.make(core, widgets)
        self._wake_main_loop = _qt_application.waker(core, self.run_some)
        self._is_done = False

    def wake(self) -> None:  # noqa: D102
        self._wake_main_loop()

    wake_threadsafe = wake

    def mainloop(self) -> None:  # noqa: D102
        while not self._is_done:
            self._application.run()  # the `quit` of a cell ends it

    def done(self) -> None:  # noqa: D102
        self._is_done = True
        self._application.exit()

    def close_windows(self) -> None:
        """Hide them: closing them would ask their own code first."""
        for window in self._application.topLevelWidgets():
            window.hide()

    def leave_nested(self) -> None:
        """End dialogs, `exec` and event loops."""
        while dialog := self._application.activeModalWidget():
            dialog.hide()
        self._application.exit()
