"""What stands around the page: the site's web server, the world outside, which must never be asked, and a gate."""

from __future__ import annotations

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

ROOT = Path(__file__).parents[2]
SERVE = ROOT / "js" / "scripts" / "serve.mjs"
PLUGIN = "async-kernel-lite:kernel"


class SiteServer:
    """The server of `npm start` on a built site, ended by closing its stdin.

    Args:
        site: the built site.
        prefix: the path below which it appears.
        isolated: send the headers that make pages cross-origin isolated.
        overlay: a folder whose files stand before the site's.
        log: a file that gets a line for each answer.
        line: Mbit/s and milliseconds of latency, as `20,40`, of the line that it stands at the end of.
    """

    home = "lab/index.html"

    def __init__(
        self,
        site: Path,
        *,
        prefix: str = "/",
        isolated: bool = False,
        overlay: Path | None = None,
        log: Path | None = None,
        line: str | None = None,
    ) -> None:
        command = ["node", str(SERVE), "--dir", str(site), "--prefix", prefix]
        command += ["--isolated"] if isolated else []
        command += ["--overlay", str(overlay)] if overlay else []
        command += ["--log", str(log)] if log else []
        command += ["--line", line] if line else []
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line.startswith("Serving on "):
            self.close()
            raise RuntimeError(f"{SERVE} did not say where it serves, but {line!r}")
        self.url = line.removeprefix("Serving on ").strip()

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Outside:
    """All of the network but this machine: a proxy that refuses each request and remembers it.

    Whatever makes a request in a browser context (page, worker, service worker) goes through the context's proxy,
    except to the loopback addresses where the tests' sites are.
    """

    CHROMIUMS_OWN = "content-autofill.googleapis.com"
    """Chromium itself asks there about any form, and its switch for that is taken by Playwright."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def refuse(self) -> None:
                if Outside.CHROMIUMS_OWN not in self.path:
                    asked.append(f"{self.command} {self.path}")
                self.send_error(403)

            do_GET = do_HEAD = do_POST = do_PUT = do_OPTIONS = do_CONNECT = refuse  # noqa: N815

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Overlay:
    """A folder before the site's files, looked at on each request: breaks a site, changes its settings, mends it."""

    def __init__(self, folder: Path, site: Path) -> None:
        self.folder = folder
        self._site = site

    def replace(self, path: str, content: bytes) -> None:
        assert (self._site / path).is_file(), f"the site has no {path}"
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def remove(self, path: str) -> None:
        self.replace(path, b"")
        file = self.folder / path
        file.rename(file.with_name(f"{file.name}.missing"))

    def restore(self, path: str) -> None:
        file = self.folder / path
        file.unlink(missing_ok=True)
        file.with_name(f"{file.name}.missing").unlink(missing_ok=True)

    def find(self, pattern: str) -> str:
        """The path in the site of the only file that matches."""
        (file,) = self._site.glob(pattern)
        return file.relative_to(self._site).as_posix()

    def configure(self, **config: Any) -> None:
        """Change the site's configuration."""
        config_file = json.loads((self._site / "jupyter-lite.json").read_bytes())
        config_file["jupyter-config-data"] |= config
        self.replace("jupyter-lite.json", json.dumps(config_file).encode())

    def plugin_settings(self, settings: dict[str, Any], **config: Any) -> None:
        """Let the site have these settings of the kernel's plugin, and no others, but for that a snapshot is off."""
        site = json.loads((self._site / "jupyter-lite.json").read_bytes())["jupyter-config-data"]
        off = {name: url for name, url in site["litePluginSettings"][PLUGIN].items() if name == "snapshotUrl"}
        self.configure(litePluginSettings={PLUGIN: off | settings}, **config)
