"""Jupyter's servers as processes: JupyterLab, and a Kernel Gateway behind it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import psutil
from browser.waiting import GUARD, POLL

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_DIRECT = build_opener(ProxyHandler({}))
_NOT_INHERITED = ("JUPYTER_PATH", "MPLBACKEND", "UV_PROJECT_ENVIRONMENT")
"""The kernel sets the last two where they are unset."""


class JupyterServer:
    """A server of Jupyter on the loopback address, with Jupyter folders of its own and no password.

    Args:
        module: what `python -m` runs.
        folder: an empty one, for all of its files.
        args: more of its command line.
        files: more files for its Jupyter folders, JSON by path below `folder`.
    """

    home = "lab?reset"
    """Else it opens the tabs of the page before."""

    def __init__(self, module: str, folder: Path, *args: str, files: dict[str, Any] | None = None) -> None:
        port = _free_port()
        folders = {name: folder / name for name in ("config", "data", "runtime")}
        self.url = f"http://127.0.0.1:{port}/"
        self._runtime = folders["runtime"]
        self._log = folder / "log"
        for path, content in (files or {}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(json.dumps(content))
        env = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        env |= {f"JUPYTER_{name.upper()}_DIR": str(path) for name, path in folders.items()}
        command = [sys.executable, "-m", module, "--ip=127.0.0.1", f"--port={port}", "--port_retries=0", *args]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
        try:
            self._wait_ready()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def get(self, path: str) -> Any:
        """An answer of the server's REST API."""
        with self._ask("GET", path) as answer:
            return json.load(answer)

    def end_kernels(self) -> None:
        """Shut down the kernels that run."""
        for kernel in self.get("api/kernels"):
            self._ask("DELETE", f"api/kernels/{kernel['id']}").close()

    @property
    def kernel_processes(self) -> list[psutil.Process]:
        """The processes of the kernels that this server has started: their connection files are in its folder."""
        mine = str(self._runtime)
        return [p for p in self._descendants() if any(mine in arg for arg in _command_of(p))]

    def close(self) -> None:
        """End the server, as Jupyter users do it. It must leave no kernel behind."""
        descendants = self._descendants()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(GUARD / 1000)
            _, left = psutil.wait_procs(descendants, timeout=GUARD / 1000)
        finally:
            self._process.kill()
            self._process.wait()
        commands = [_command_of(p) for p in left]
        for process in left:
            process.kill()
        assert not commands, f"the server has left behind {commands}:\n{self.log}"
        files = [file.name for file in self._runtime.glob("kernel-*")]
        assert not files, f"kernels have left behind {files}"

    @property
    def log(self) -> str:
        return self._log.read_text()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + GUARD / 1000
        while True:
            with suppress(URLError):
                self.get("api")
                return
            with suppress(subprocess.TimeoutExpired):
                raise RuntimeError(f"the server has ended with {self._process.wait(POLL / 1000)}:\n{self.log}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"the server does not answer:\n{self.log}")

    def _ask(self, method: str, path: str) -> Any:
        return _DIRECT.open(Request(self.url + path, method=method), timeout=GUARD / 1000)

    def _descendants(self) -> list[psutil.Process]:
        return psutil.Process(self._process.pid).children(recursive=True)


def _command_of(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class LabServer(JupyterServer):
    """`jupyter lab`, which asks the world outside for nothing.

    Args:
        folder: an empty one, for all of its files.
        args: more of its command line.
    """

    def __init__(self, folder: Path, *args: str) -> None:
        work = folder / "work"
        work.mkdir()
        disabled = {"@jupyterlab/apputils-extension:announcements": True}
        super().__init__(
            "jupyterlab",
            folder,
            "--no-browser",
            "--allow-root",
            "--expose-app-in-browser",
            "--IdentityProvider.token=",
            "--ServerApp.disable_check_xsrf=True",
            f"--ServerApp.root_dir={work}",
            "--LabApp.extension_manager=readonly",
            f"--LabServerApp.workspaces_dir={folder / 'workspaces'}",
            f"--LabServerApp.user_settings_dir={folder / 'settings'}",
            *args,
            files={"config/labconfig/page_config.json": {"disabledExtensions": disabled}},
        )


class Gateway(JupyterServer):
    """Jupyter Kernel Gateway.

    Args:
        folder: an empty one, for all of its files.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__("kernel_gateway", folder, "--JupyterWebsocketPersonality.list_kernels=True")
