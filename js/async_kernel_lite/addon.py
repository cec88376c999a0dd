"""The addon of `jupyter lite build`."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from doit.exceptions import TaskFailed
from jupyterlite_core.addons.base import BaseAddon
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from traitlets import List, Unicode

from async_kernel_lite._closure import Closure
from async_kernel_lite._errors import BuildError, PackageError
from async_kernel_lite._first_visit import PLUGIN, STATIC, first_visit, table
from async_kernel_lite._front_end import front_end_packages
from async_kernel_lite._lock import read_lock, write_lock
from async_kernel_lite._resolve import fetch, is_wheel, resolve
from async_kernel_lite._snapshot import make_snapshot
from async_kernel_lite._target import Target
from async_kernel_lite._wheels import Wheel, write_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from jupyterlite_core.manager import LiteManager

PACKAGES = f"{STATIC}/packages"
"""Where in the site all is that the addon adds."""
FRONT_END = "frontEndPackages"
"""The setting that says which Python packages have a part in the site."""
PACKAGES_URL, SNAPSHOT_URL = f"{PACKAGES}/manifest.json", f"{PACKAGES}/snapshot/snapshot.json"


class AsyncKernelLiteAddon(BaseAddon):  # type: ignore[misc]  # jupyterlite-core is not typed
    """Ships the site's packages for the kernel of async-kernel-lite."""

    __all__: ClassVar = ["post_build"]

    packages = List(
        Unicode(),
        help="Packages that the site ships, importable without another network: requirements such as 'altair>=5' or "
        "'httpx[http2]', and addresses or paths of wheels. The setting `packages` in jupyter-lite.json adds to them",
    ).tag(config=True)

    snapshot_packages = List(
        Unicode(),
        help="Names of shipped packages, pure Python with all that they require, that are imported in the memory "
        "snapshot, so that to import them takes no time. This needs async-kernel-lite[snapshot]",
    ).tag(config=True)

    lock_file = Unicode(
        "async-kernel-lock.json",
        help="Where the versions of `packages` are kept, relative to the lite directory. Delete it for newer ones",
    ).tag(config=True)

    def post_build(self, manager: LiteManager) -> Iterator[dict[str, Any]]:
        """Ship the packages, then say what a first visit loads."""
        if (manager.output_dir / STATIC).is_dir():
            yield self.task(name="packages", actions=[self._said(self.ship)])
            yield self.task(name="first visit", actions=[self.say_bytes], task_dep=[self._task_name("packages")])

    def _task_name(self, name: str) -> str:
        prefix = self.manager.task_prefix
        return f"{prefix}post_build:{prefix}async-kernel-lite:{name}"

    @staticmethod
    def _said(action: Callable[[], None]) -> Callable[[], TaskFailed | None]:
        """The action, whose error is said without a traceback."""

        def run() -> TaskFailed | None:
            try:
                action()
            except BuildError as error:
                return TaskFailed(str(error), report=True)
            return None

        return run

    def say_bytes(self) -> None:
        """Print what a first visit loads."""
        print(table(first_visit(self.manager.output_dir)))  # noqa: T201  # what the build says

    def ship(self) -> None:
        """Put the packages, and the snapshot with them, into the site.

        Raises:
            BuildError: that cannot be done.
        """
        static, out = self.manager.output_dir / STATIC, self.manager.output_dir / PACKAGES
        shipped = _shipped(static / "wheels")
        requirements = self._requirements(shipped)
        if not requirements and not self.snapshot_packages:
            shutil.rmtree(out, ignore_errors=True)
            self._configure({})
            return
        target = Target.read(static / "pyodide" / "pyodide-lock.json")
        closure = self._closure(requirements, target, shipped, static / "wheels")
        self._put(out, closure)
        urls = {"packagesUrl": PACKAGES_URL}
        if self.snapshot_packages:
            names = self._imported(closure)
            make_snapshot(static / "pyodide", [static / "wheels", out], out / "snapshot", names)
            urls["snapshotUrl"] = SNAPSHOT_URL
        else:
            shutil.rmtree(out / "snapshot", ignore_errors=True)
        self._configure(urls)

    def _requirements(self, shipped: dict[str, str]) -> list[str]:
        """What is to be shipped: wheels by address or absolute path, and checked requirements."""
        settings = [text for path in self._configs() for text in self._settings(path).get("packages", [])]
        # a wheel of that setting is a file of the site, or on another one: the kernel fetches it
        wanted = [*self.packages, *(text for text in settings if not is_wheel(text))]
        return [text for text in map(self._checked, dict.fromkeys(wanted)) if canonicalize_name(text) not in shipped]

    def _checked(self, requirement: str) -> str:
        if is_wheel(requirement):
            if urlsplit(requirement).scheme in {"http", "https", "file"}:
                return requirement
            path = (self.manager.lite_dir / requirement).resolve()
            if not path.is_file():
                msg = f"Cannot ship the package {requirement}: there is no file {path}"
                raise PackageError(msg)
            return str(path)
        try:
            return str(Requirement(requirement))
        except InvalidRequirement as error:
            msg = f"Cannot ship the package {requirement}: it is neither a requirement nor a wheel ({error})"
            raise PackageError(msg) from error

    def _closure(
        self, requirements: Sequence[str], target: Target, shipped: dict[str, str], shipped_in: Path
    ) -> Closure:
        """All that is to be shipped, by the lock or newly resolved."""
        lock, cache = self.manager.lite_dir / self.lock_file, self.manager.cache_dir / "async-kernel-lite"

        def closed(paths: list[Path]) -> Closure:
            closure = Closure(target, shipped, {wheel.name: wheel for wheel in map(Wheel, paths)})
            closure.add(requirements)
            return closure

        if not requirements:
            return closed([])
        locked = read_lock(lock, target, requirements)
        if locked is not None:
            try:
                closure = closed(fetch(locked, target, cache))
            except PackageError as error:
                self.log.warning(f"{lock.name} does not fit the site's packages, which are resolved anew: {error}")
            else:
                if closure.requires.keys() == closure.wheels.keys():
                    return closure
                self.log.warning(f"{lock.name} has more than the site's packages, which are resolved anew")
        closure = closed(fetch(resolve(requirements, target, shipped, shipped_in), target, cache))
        write_lock(lock, closure)
        return closure

    @staticmethod
    def _put(out: Path, closure: Closure) -> None:
        """Put the wheels into the site, and nothing that was there before but the snapshot."""
        out.mkdir(parents=True, exist_ok=True)
        for old in out.glob("*.*"):
            old.unlink()
        wheels = [closure.wheels[name] for name in sorted(closure.requires)]
        for wheel in wheels:
            shutil.copyfile(wheel.path, out / wheel.path.name)
        here = {*closure.wheels, *closure.shipped}
        entries = {
            wheel.name: wheel.entry(closure.requires[wheel.name] & here, closure.below(wheel.name) - here)
            for wheel in wheels
        }
        write_manifest(out, [], wheels, entries, closure.requested)

    def _imported(self, closure: Closure) -> list[str]:
        """The packages that the snapshot is to have."""
        names: list[str] = sorted({canonicalize_name(name) for name in self.snapshot_packages})
        for name in names:
            if name not in closure.requires and name not in closure.shipped:
                msg = f"Cannot put {name} into the snapshot: name it in `packages`, too"
                raise PackageError(msg)
            if (compiled := closure.impure(name)) is not None:
                of = "it has" if compiled == name else f"it requires {compiled}, which has"
                msg = f"Cannot put {name} into the snapshot: {of} compiled modules, and only Python ones can be in it"
                raise PackageError(msg)
        return names

    def _configs(self) -> list[Path]:
        return [path for path in self.get_output_config_paths() if path.exists()]

    def _settings(self, path: Path) -> dict[str, Any]:
        return dict(self.get_lite_plugin_settings(path, PLUGIN))

    def _configure(self, urls: dict[str, str]) -> None:
        """Tell the kernel's plugin what the site has and where; take back what it was told before."""
        ours = {"packagesUrl": PACKAGES_URL, "snapshotUrl": SNAPSHOT_URL}
        told = {**urls, FRONT_END: front_end_packages(self.manager.output_dir)}
        for path in self._configs():
            settings = self._settings(path)
            if not settings and path.parent != self.manager.output_dir:
                continue
            changed = {key: value for key, value in settings.items() if ours.get(key) != value} | told
            if changed != settings:
                self.set_lite_plugin_settings(path, PLUGIN, changed)


def _shipped(wheels: Path) -> dict[str, str]:
    """The versions of what the extension ships."""
    manifest = json.loads((wheels / "manifest.json").read_text(encoding="utf-8"))
    return {name: wheel["version"] for name, wheel in manifest["wheels"].items()}
