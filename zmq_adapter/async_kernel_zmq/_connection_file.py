"""The connection file: where the sockets are, and the key.

Section "Connection files" of the documentation of Jupyter kernels.
"""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

CHANNELS: Final = ("shell", "iopub", "stdin", "control", "hb")
TRANSPORTS: Final = ("tcp", "ipc")
OPTIONS: Final = ("-f", "--f", "--connection_file")
"""How the command line names the file."""


class ConnectionFileError(Exception):
    """A connection file cannot be used; the text says why."""


@dataclass
class ConnectionInfo:
    """What a connection file says. A port of 0 is one to be chosen."""

    ip: str = "127.0.0.1"
    transport: str = "tcp"
    shell_port: int = 0
    iopub_port: int = 0
    stdin_port: int = 0
    control_port: int = 0
    hb_port: int = 0
    key: str = ""
    signature_scheme: str = "hmac-sha256"
    kernel_name: str = ""
    curve_publickey: str | None = None
    curve_secretkey: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """What else the file says; kept when it is written again."""

    @classmethod
    def fresh(cls, **known: Any) -> ConnectionInfo:
        """Information for a kernel that nobody has written a file for."""
        return cls(**{"key": str(uuid.uuid4()), **known})

    @classmethod
    def read(cls, path: Path) -> ConnectionInfo:
        """The information in a file.

        Raises:
            ConnectionFileError: it cannot be read, or is none.
        """
        try:
            raw = json.loads(path.read_text())
        except (OSError, ValueError) as e:
            msg = f"cannot read the connection file {path}: {e}"
            raise ConnectionFileError(msg) from e
        if not isinstance(raw, dict):
            msg = f"the connection file {path} is no object"
            raise ConnectionFileError(msg)
        names = {f.name for f in fields(cls)} - {"extra"}
        info = cls(**{k: v for k, v in raw.items() if k in names})
        info.extra = {k: v for k, v in raw.items() if k not in names}
        if info.transport not in TRANSPORTS:
            msg = f"unknown transport {info.transport!r} in {path}: use one of {', '.join(TRANSPORTS)}"
            raise ConnectionFileError(msg)
        return info

    def write(self, path: Path) -> None:
        """Write a file that only its owner can read, and that is whole as soon as it is there."""
        known = {k: v for k, v in asdict(self).items() if k != "extra" and v is not None}
        path.parent.mkdir(parents=True, exist_ok=True)
        # Made for its owner alone.
        with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
            json.dump({**self.extra, **known}, file, indent=2)
        os.replace(file.name, path)

    def port(self, channel: str) -> int:
        """The port of a channel."""
        return int(getattr(self, f"{channel}_port"))

    def address(self, port: int) -> str:
        """The ZMQ address of a channel's port."""
        return f"ipc://{self.ip}-{port}" if self.transport == "ipc" else f"tcp://{self.ip}:{port}"

    def remove_sockets(self) -> None:
        """Remove the files of ipc sockets."""
        if self.transport == "ipc":
            for channel in CHANNELS:
                Path(f"{self.ip}-{self.port(channel)}").unlink(missing_ok=True)
