"""Wheels made for tests, and a package index on this machine that has them."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from zipfile import ZipFile, ZipInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    requires: Iterable[str] = (),
    extras: Iterable[str] = (),
    files: Mapping[str, str] | None = None,
) -> Path:
    """Make a wheel with one module of the package's name, in which `version` is its version, or with these files."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    fields = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {one}" for one in requires)]
    fields += [f"Provides-Extra: {extra}" for extra in extras]
    contents = {
        **({f"{module}.py": f'"""Made for tests."""\nversion = {version!r}\n'} if files is None else files),
        f"{info}/METADATA": "\n".join(["Metadata-Version: 2.1", *fields, ""]),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: {str(tag.endswith('any')).lower()}\nTag: {tag}\n",
    }
    contents[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*contents, f"{info}/RECORD"])
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{module}-{version}-{tag}.whl"
    with ZipFile(wheel, "w") as archive:
        for path, content in contents.items():
            archive.writestr(ZipInfo(path), content)
    return wheel


class PackageIndex:
    """A package index (PEP 503) of the wheels in a folder, on a loopback address; readable from any page.

    Args:
        folder: where it writes the wheels' pages, too.
        wheels: they are linked to.
    """

    def __init__(self, folder: Path, wheels: Iterable[Path]) -> None:
        by_name: dict[str, list[Path]] = {}
        for wheel in wheels:
            by_name.setdefault(wheel.name.split("-")[0].replace("_", "-").lower(), []).append(wheel)
        (folder / "files").mkdir(parents=True)
        for name, files in by_name.items():
            page = folder / "simple" / name / "index.html"
            page.parent.mkdir(parents=True)
            links = [f'<a href="../../files/{file.name}">{file.name}</a>' for file in files]
            page.write_text("<!DOCTYPE html>\n" + "\n".join(links))
            for file in files:
                (folder / "files" / file.name).write_bytes(file.read_bytes())
        self.requests: list[str] = []
        requests = self.requests

        class Handler(SimpleHTTPRequestHandler):
            def end_headers(self) -> None:
                self.send_header("Access-Control-Allow-Origin", "*")
                super().end_headers()

            def log_message(self, *args: Any) -> None:
                requests.append(self.path)

        handler = partial(Handler, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.simple = f"{self.url}/simple"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
