"""The interface as an IPython application: profiles, configuration files, startup files, extensions, code to run."""

from __future__ import annotations

from typing import Any, ClassVar

from IPython.core.application import BaseIPythonApplication, base_aliases, base_flags
from IPython.core.profiledir import ProfileDir
from IPython.core.shellapp import InteractiveShellApp, shell_aliases, shell_flags
from traitlets import Unicode, default

from async_kernel_zmq.interface import ZMQInterface


class IPApp(ZMQInterface, BaseIPythonApplication, InteractiveShellApp):
    """A kernel on ZMQ sockets that takes IPython's options and files."""

    name = Unicode("async", help="The name of the kernel, as in its kernelspec.").tag(config=True)
    description = "A concurrent Python kernel for Jupyter, with IPython's options."
    # traitlets declares these for instances
    aliases: ClassVar[dict[Any, Any]] = {**base_aliases, **shell_aliases, **ZMQInterface.aliases}  # type: ignore[misc]
    flags: ClassVar[dict[str, Any]] = {**base_flags, **shell_flags, **ZMQInterface.flags}  # type: ignore[misc]

    @default("classes")
    def _default_classes(self) -> list[type]:
        return [*super()._default_classes(), ProfileDir]

    @default("config_files")
    def _default_config_files(self) -> list[str]:
        return ["ipython_config.py", "ipython_kernel_config.py"]

    def init_crash_handler(self) -> None:
        """A kernel's crash is in its log, where its client looks."""

    def shell_options(self) -> dict[str, Any]:
        """What the shell is made with."""
        return {"profile_dir": self.profile_dir, "user_ns": self.user_ns}

    async def _start(self) -> None:
        await super()._start()
        self.shell = self.kernel.main_shell
        self.init_path()
        self.init_gui_pylab()
        self.init_extensions()
        self.init_code()
