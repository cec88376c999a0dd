"""Why a package cannot be had: what micropip does not say."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from pyodide.http import pyfetch

import js

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from async_kernel._browser._front_end import FrontEnd

_SIMPLE_JSON: Final = "application/vnd.pypi.simple.v1+json, */*;q=0.01"
_LATEST: Final = 10
"""How many versions an error names."""
_FILE: Final = re.compile(r">\s*([\w.!+-]+\.(?:whl|tar\.gz|zip))\s*<")
_NOT_FOUND: Final = 404


async def explain(error: BaseException, index_urls: Iterable[str], front_end: FrontEnd) -> str:
    """What micropip could not install, what requires that, and why it cannot be had.

    Args:
        error: what micropip raised.
        index_urls: the package indexes that it looked into.
        front_end: what the page has.
    """
    requirement, wheel, parents = _blocked(error.__traceback__)
    by = f" (by way of {' and '.join(parents)})" if parents else ""
    if wheel is not None:
        return f"{'it requires ' if by else ''}{wheel}{by}: {await why_not_read(wheel) or _short(error)}"
    if requirement is None:
        return _short(error)
    version = front_end.version(requirement.name)
    if version is not None and not requirement.specifier.contains(version):
        why = f"the site has the part of {requirement.name} {version} that runs in the page"
        return f"it requires another version of {requirement.name}{by}, and {why}" if by else why
    if "is already installed" in str(error):
        installed = str(error).partition("but ")[2].partition(" is already")[0].replace("==", " ")
        return f"{requirement} is needed{by}, and {installed} is installed: %pip install --upgrade replaces it"
    why = await _why_not_found(requirement, index_urls)
    return f"it requires {requirement}{by}, and of that {why}" if by else f"{requirement}: {why}"


def _blocked(traceback: TracebackType | None) -> tuple[Any | None, str | None, list[str]]:
    """From where micropip was: the requirement and the wheel's address that it failed with, and whose they are."""
    requirement, wheel = None, None
    parents: list[str] = []
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_globals.get("__name__") == "micropip.transaction":
            if frame.f_code.co_name == "add_requirement_inner":
                requirement, wheel = frame.f_locals["req"], None
            elif frame.f_code.co_name == "add_wheel":
                wheel = frame.f_locals["wheel"].url
                parents.append(frame.f_locals["wheel"].name)
        elif frame.f_code.co_name == "gather_requirements":
            wheel = None
        traceback = traceback.tb_next
    if wheel is not None and parents:
        parents.pop()
    return requirement, wheel, parents


def _short(error: BaseException) -> str:
    """An error of micropip's without its advice, which is for those who call it."""
    return str(error).removeprefix("Error: ").partition("\nSee:")[0].partition("\nYou can use")[0].strip()


async def _why_not_found(requirement: Any, index_urls: Iterable[str]) -> str:
    reasons = []
    for index in index_urls:
        url = index.format(package_name=requirement.name) if "{" in index else f"{index}/{requirement.name}/"
        try:
            response = await pyfetch(url, headers={"accept": _SIMPLE_JSON})
        except OSError:
            reasons.append(await why_not_read(url) or f"{url} cannot be read")
            continue
        if response.status == _NOT_FOUND:
            reasons.append(f"nothing is found in the package index {urlsplit(url).hostname}")
        elif not response.ok:
            reasons.append(f"{url} answered {response.status} {response.status_text}".rstrip())
        else:
            return _why_none_fits(_files(await response.text()), requirement)
    return "; ".join(reasons)


async def why_not_read(url: str) -> str | None:
    """Why an address cannot be read by this page, None if it can."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        return None
    host = parts.netloc
    try:
        response = await pyfetch(url, method="HEAD")
    except OSError:
        pass
    else:
        return None if response.ok else f"{url} answered {response.status} {response.status_text}".rstrip()
    if not js.navigator.onLine:
        return f"{host} cannot be reached: there is no network"
    try:
        await pyfetch(url, method="HEAD", mode="no-cors")
    except OSError:
        return f"{host} cannot be reached (no such host, no network, or blocked)"
    return f"{host} does not let pages of other sites read {parts.path} (CORS)"


def _files(page: str) -> list[str]:
    """The names of the files in a project's page."""
    try:
        return [file["filename"] for file in json.loads(page)["files"]]
    except ValueError:
        return [unquote(name) for name in _FILE.findall(page)]


def _why_none_fits(files: list[str], requirement: Any) -> str:
    """Why none of a project's files can be installed."""
    by_version: dict[str, list[str]] = {}
    for file in files:
        by_version.setdefault(_version(file), []).append(file)
    versions = [version for version in by_version if version]
    fitting = set(requirement.specifier.filter(versions)) if requirement.specifier else set(versions)
    if versions and not fitting:
        return f"there is no such version; the latest are {', '.join(versions[-_LATEST:])}"
    platforms = {tag for version in fitting for file in by_version[version] for tag in _platforms(file)}
    wasm = sorted(tag for tag in platforms if "wasm32" in tag)
    if wasm:
        return f"the wheels for WebAssembly have another ABI ({', '.join(wasm)}) than this Pyodide"
    if platforms:
        systems = sorted({re.split(r"[_\d]", tag, maxsplit=1)[0] for tag in platforms})
        return f"there is no wheel for WebAssembly, only for {', '.join(systems)}"
    return "there is only source code, which cannot be built in the browser" if files else "there are no files"


def _version(file: str) -> str:
    name = file.removesuffix(".whl").removesuffix(".tar.gz").removesuffix(".zip")
    return name.split("-")[1] if file.endswith(".whl") else name.rpartition("-")[2]


def _platforms(file: str) -> Iterator[str]:
    """The platform tags of a wheel."""
    if file.endswith(".whl"):
        yield from file.removesuffix(".whl").rpartition("-")[2].split(".")
