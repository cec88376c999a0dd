"""What Qt does for scripts, done for cells: `exec` waits within the main loop that runs already."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from async_kernel.caller import HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import ModuleType

_NO_DISPLAY: Final = (
    "The host 'qt' cannot open windows: {}\nSet DISPLAY to an X server that runs and lets you in, or start one without "
    "a screen (Debian: apt install xvfb): Xvfb :99 & export DISPLAY=:99. For a library that is missing, install it "
    "(Debian: apt install libegl1 libdbus-1-3 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1)."
)


def make(core: ModuleType, widgets: ModuleType) -> Any:
    """The application object, of which Qt allows one a process.

    Args:
        core: QtCore, of any of Qt's packages.
        widgets: QtWidgets, of the same.

    Raises:
        HostError: a cell or script has made one, or there is no display.
    """
    base = widgets.QApplication
    if (present := base.instance()) is not None:
        if type(present).__module__ == __name__:  # that of a host before
            return present
        msg = "The host 'qt' makes Qt's application object, and there is one already: start without it."
        raise HostError(msg)

    main_loop = _exec(base)

    class Application(base):  # type: ignore[misc, valid-type]  # of the package that was chosen
        """Qt's application, whose main loop runs already."""

        def run(self) -> None:
            """Run the main loop."""
            main_loop()

        def exec(self) -> int:
            """Wait, as the main loop of a script does, until `quit` is called or the last window is closed."""
            loop = core.QEventLoop()
            self.lastWindowClosed.connect(loop.quit)
            return int(_exec(loop)())

        exec_ = exec  # noqa: A003  # Qt's words

    _keep_none()
    with _display(base):
        application = Application(["async-kernel"])
    application.setQuitOnLastWindowClosed(False)  # that ends scripts
    base.exec = base.exec_ = application.exec  # scripts call that of the class too
    return application


def _keep_none() -> None:
    """Make `None` immortal, as Python 3.12 does.

    PySide6 6.12.0 gives up a reference to it whenever Qt calls a method of Python's, such as `paintEvent`: after some
    ten thousand, Python would end the process.
    """
    if sys.version_info < (3, 12):
        ctypes.c_ssize_t.from_address(id(None)).value |= 1 << 60


def _exec(owner: Any) -> Callable[[], Any]:
    # Older packages could not use a word that was Python 2's.
    function: Callable[[], Any] = owner.exec if hasattr(owner, "exec") else owner.exec_
    return function


def waker(core: ModuleType, function: Callable[[], object]) -> Callable[[], None]:
    """What has the main loop call `function`, from any thread."""
    kind = core.QEvent.Type.User

    class Waker(core.QObject):  # type: ignore[misc, name-defined]
        def event(self, event: Any) -> bool:
            if event.type() != kind:
                return bool(super().event(event))
            function()
            return True

    waker = Waker()
    return lambda: core.QCoreApplication.postEvent(waker, core.QEvent(kind))


@contextmanager
def _display(application: Callable[[list[str]], object]) -> Generator[None]:
    """Try in a process of its own whether Qt can open windows: where it cannot, it ends the process.

    It keeps its display for the block: without clients an X server may start anew, and let nobody in meanwhile.

    Raises:
        HostError: it cannot.
    """
    if sys.platform != "linux":
        yield
        return
    import resource

    ready, is_ready = os.pipe()
    wait, go_on = os.pipe()
    with tempfile.TemporaryFile() as told:
        if (child := os.fork()) == 0:
            try:
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                os.dup2(told.fileno(), 2)
                os.close(go_on)
                application([])
                os.write(is_ready, b"!")
                os.read(wait, 1)
            finally:
                os._exit(0)
        os.close(is_ready)
        os.close(wait)
        try:
            if not os.read(ready, 1):
                told.seek(0)
                raise HostError(_NO_DISPLAY.format(told.read().decode(errors="replace").strip()))
            yield
        finally:
            os.close(go_on)
            os.close(ready)
            os.waitpid(child, 0)
