"""What a first visit to a built site loads for the kernel, in bytes on the wire."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLUGIN = "async-kernel-lite:kernel"
STATIC = "extensions/async-kernel-lite/static"
COMPRESSED = {".bin", ".whl", ".zip"}
"""Kinds of files that servers send as they are."""
READ_SOON = ["jedi"]
"""See js/src/worker/python.ts."""


@dataclass(frozen=True)
class Transfer:
    """A file that is loaded.

    Args:
        path: below the site's root.
        size: in bytes.
        on_the_wire: bytes as a server sends them that compresses with gzip what is not compressed yet.
        is_before: whether the first result waits for it.
    """

    path: str
    size: int
    on_the_wire: int
    is_before: bool


def first_visit(site: Path) -> list[Transfer]:
    """The kernel's files that a first visit to a built site loads, by way of the snapshot. Not JupyterLab's own."""
    settings = plugin_settings(json.loads((site / "jupyter-lite.json").read_text(encoding="utf-8")))
    transfers = [_transfer(site, path, is_before=True) for path in _before(site, settings)]
    return transfers + [_transfer(site, path, is_before=False) for path in _after(site, settings)]


def table(transfers: list[Transfer]) -> str:
    """It for a person to read."""
    lines = [f"{'A first visit loads for the kernel':<76} {'bytes':>12} {'compressed':>12}"]
    for is_before, title in ((True, "until the first result"), (False, "and after it")):
        group = sorted((t for t in transfers if t.is_before is is_before), key=lambda t: -t.on_the_wire)
        size, wire = sum(t.size for t in group), sum(t.on_the_wire for t in group)
        lines += [f"  {t.path.removeprefix(f'{STATIC}/'):<74} {t.size:>12,} {t.on_the_wire:>12,}" for t in group]
        lines.append(f"{title:<76} {size:>12,} {wire:>12,}")
    return "\n".join(lines)


def plugin_settings(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of the kernel's plugin in a `jupyter-lite.json`."""
    return dict(config.get("jupyter-config-data", {}).get("litePluginSettings", {}).get(PLUGIN, {}))


def _before(site: Path, settings: dict[str, Any]) -> Iterator[str]:
    static = site / STATIC
    # All that may be loaded: the application may have a module that is shared. style.js is for bundlers alone.
    yield from (f"{STATIC}/{file.name}" for file in sorted(static.glob("*.js")) if file.name != "style.js")
    yield f"{STATIC}/worker.mjs"
    if not settings.get("pyodideUrl"):
        names = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide-lock.json"]
        yield from (f"{STATIC}/pyodide/{name}" for name in names)
    snapshot = settings.get("snapshotUrl", f"{STATIC}/snapshot/snapshot.json")
    if _is_here(site, snapshot):
        yield snapshot
        image = json.loads((site / snapshot).read_text(encoding="utf-8"))["image"]["file"]
        yield f"{snapshot.rpartition('/')[0]}/{image}"
    for manifest in _manifests(site, settings):
        yield manifest
        yield f"{manifest.rpartition('/')[0]}/files.json"


def _after(site: Path, settings: dict[str, Any]) -> Iterator[str]:
    manifests = {
        url.rpartition("/")[0]: json.loads((site / url).read_text(encoding="utf-8"))
        for url in _manifests(site, settings)
    }
    satisfied = {text: name for manifest in manifests.values() for text, name in manifest["satisfied"].items()}
    wanted = [canonicalize_name(satisfied.get(text, text)) for text in settings.get("packages", [])]
    for name in dict.fromkeys([*READ_SOON, *wanted]):
        for folder, manifest in manifests.items():
            if name in manifest["wheels"]:
                yield f"{folder}/{manifest['wheels'][name]['file']}"
    if not settings.get("pyodideUrl"):
        yield f"{STATIC}/pyodide/python_stdlib.zip"


def _manifests(site: Path, settings: dict[str, Any]) -> list[str]:
    manifests = [f"{STATIC}/wheels/manifest.json", settings.get("packagesUrl", "")]
    return [manifest for manifest in manifests if _is_here(site, manifest)]


def _is_here(site: Path, url: str) -> bool:
    return bool(url) and not urlsplit(url).scheme and (site / url).is_file()


def _transfer(site: Path, path: str, *, is_before: bool) -> Transfer:
    content = (site / path).read_bytes()
    wire = len(content) if (site / path).suffix in COMPRESSED else len(gzip.compress(content, 6, mtime=0))
    return Transfer(path, len(content), wire, is_before)
