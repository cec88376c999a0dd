"""Kernelspecs: how Jupyter finds this kernel and starts it.

Section "Kernel specs" of the documentation of jupyter_client.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from async_kernel_zmq import _launcher
from async_kernel_zmq._errors import KernelSpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

DEFAULT_NAME: Final = "async"
RESOURCES: Final = Path(__file__).with_name("resources")
"""The kernelspec that the wheel installs."""

_NAME = re.compile(r"(?=.*[a-z0-9])[a-z0-9._-]+", re.IGNORECASE | re.ASCII)
_LOGOS = ("logo-svg.svg", "logo-32x32.png", "logo-64x64.png")


class InstalledSpec(NamedTuple):
    """A kernelspec that Jupyter sees."""

    folder: Path
    spec: dict[str, Any]

    @property
    def is_ours(self) -> bool:
        """Whether it starts this kernel."""
        metadata = self.spec.get("metadata")
        return isinstance(metadata, dict) and metadata.get("implementation") == "async_kernel"


def kernel_name(name: str) -> str:
    """The name as a kernelspec's folder has it: Jupyter ignores case.

    Raises:
        KernelSpecError: Jupyter does not allow it.
    """
    if not _NAME.fullmatch(name):
        msg = f"{name!r} is no kernel name: use ASCII letters, digits, '-', '.' and '_'"
        raise KernelSpecError(msg)
    return name.lower()


def kernels_folder(*, user: bool = False, prefix: Path | str | None = None, folder: Path | str | None = None) -> Path:
    """The folder of kernelspecs that is meant: this environment's unless one is chosen.

    Raises:
        KernelSpecError: more than one is chosen.
    """
    if user + (prefix is not None) + (folder is not None) > 1:
        msg = "choose one place: user, prefix or folder"
        raise KernelSpecError(msg)
    if folder is not None:
        return Path(folder).expanduser().absolute()
    if user:
        from jupyter_core.paths import jupyter_data_dir

        return Path(jupyter_data_dir()) / "kernels"
    return Path(prefix or sys.prefix).expanduser().absolute() / "share" / "jupyter" / "kernels"


def installed_specs(folders: Iterable[Path] | None = None) -> dict[str, InstalledSpec]:
    """Kernelspecs by name: those in `folders`, or those that Jupyter sees. An earlier folder wins."""
    if folders is None:
        from jupyter_core.paths import jupyter_path

        folders = [*map(Path, jupyter_path("kernels")), kernels_folder()]
    specs: dict[str, InstalledSpec] = {}
    for file in (file for folder in folders for file in sorted(folder.glob("*/kernel.json"))):
        try:
            spec = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            spec = {}  # there, and nothing that this kernel wrote
        specs.setdefault(file.parent.name.lower(), InstalledSpec(file.parent, spec if isinstance(spec, dict) else {}))
    return specs


def write_kernel_spec(
    folder: Path | str | None = None,
    *,
    name: str = DEFAULT_NAME,
    display_name: str = "",
    launcher: Callable[..., object] | Path | str | None = None,
    command: Sequence[str] | None = None,
    options: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    # By message, on every system: no signal reaches a Windows process or a kernel that is elsewhere, one that comes
    # before the kernel listens would end it, and one to the process group would also hit what a cell has started.
    # The control thread hears the message while a cell computes.
    interrupt_mode: Literal["message", "signal"] = "message",
    user: bool = False,
    prefix: Path | str | None = None,
) -> Path:
    """Write a kernelspec that starts this kernel with this interpreter.

    Args:
        folder: the folder of kernelspecs that it goes into; this environment's unless `user` or `prefix` is given.
        name: its name; Jupyter ignores case.
        display_name: what users see; from the name unless given.
        launcher: what starts the kernel instead of `async_kernel.interface.launch_interface`: a function that is
            called with settings, a dict (its source is saved beside the spec, so it imports what it needs itself); the
            path of a Python file that is run as a script (a copy of it is); or the dotted path of a function.
        command: the arguments that start a kernel, with `{connection_file}` and perhaps `{resource_dir}` for Jupyter
            to fill in; this interpreter's unless given. The launcher and the options follow it.
        options: options of the kernel, as on the command line: `["--backend=trio"]`. Those of a launcher or a command
            are not checked: they may be its own.
        env: environment variables of the kernel.
        metadata: added to the spec's metadata.
        interrupt_mode: how clients interrupt.
        user: into the user's folder of kernelspecs.
        prefix: into `share/jupyter/kernels` below this folder.

    Returns:
        The folder of the kernelspec.

    Raises:
        KernelSpecError: the name is not allowed or another kernel's, the command has no place for the connection file.
        OptionError: an option is unknown, or its value is not allowed.
        LauncherError: the launcher cannot be saved.
        OSError: the folder cannot be written.
    """
    name = kernel_name(name)
    target = kernels_folder(user=user, prefix=prefix, folder=folder) / name
    if (target / "kernel.json").exists() and not installed_specs([target.parent])[name].is_ours:
        msg = f"{target} is the kernelspec of another kernel: choose another name"
        raise KernelSpecError(msg)
    arguments, script = _launcher_parts(launcher)
    spec = _base_spec() | {
        "argv": [*_command(command), *arguments, f"--name={name}"],
        "display_name": display_name or f"Python ({name})",
        "interrupt_mode": interrupt_mode,
    }
    spec["argv"] += _options(options, are_checked=launcher is None and command is None)
    spec["metadata"] |= metadata or {}
    if env:
        spec["env"] = dict(env)
    _write(target, spec, script)
    return target


def remove_kernel_spec(
    name: str, folder: Path | str | None = None, *, user: bool = False, prefix: Path | str | None = None
) -> Path:
    """Remove a kernelspec of this kernel: the one that Jupyter sees, or the one in the place that is chosen.

    Returns:
        The folder that it had.

    Raises:
        KernelSpecError: there is none, or it is of another kernel.
        OSError: it cannot be removed.
    """
    is_chosen = user or prefix is not None or folder is not None
    folders = [kernels_folder(user=user, prefix=prefix, folder=folder)] if is_chosen else None
    specs = installed_specs(folders)
    found = specs.get(kernel_name(name))
    if found is None:
        msg = f"there is no kernelspec {name!r}{f' in {folders[0]}' if folders else ''}: there is {_names(specs)}"
        raise KernelSpecError(msg)
    if not found.is_ours:
        msg = f"{found.folder} is the kernelspec of another kernel: this command removes {_names(specs)}"
        raise KernelSpecError(msg)
    if found.folder.is_symlink():
        found.folder.unlink()
    else:
        shutil.rmtree(found.folder)
    return found.folder


def _names(specs: Mapping[str, InstalledSpec]) -> str:
    return ", ".join(sorted(name for name, spec in specs.items() if spec.is_ours)) or "none of this kernel"


def _base_spec() -> dict[str, Any]:
    """What every kernelspec of this kernel says."""
    spec: dict[str, Any] = json.loads((RESOURCES / "kernel.json").read_text(encoding="utf-8"))
    return spec


def _command(command: Sequence[str] | None) -> list[str]:
    if command is None:
        return [sys.executable, "-m", "async_kernel_zmq", "-f", "{connection_file}"]
    if isinstance(command, str) or not any("{connection_file}" in part for part in command):
        msg = f"command {command!r} must be a list of arguments, {{connection_file}} in one of them"
        raise KernelSpecError(msg)
    return list(command)


def _launcher_parts(launcher: Callable[..., object] | Path | str | None) -> tuple[list[str], str | None]:
    """The arguments that name the launcher, and the script to save."""
    if launcher is None:
        return [], None
    if isinstance(launcher, str) and not launcher.endswith(".py"):
        return [f"--launcher={launcher}"], None
    script = _launcher.script_of(launcher) if callable(launcher) else Path(launcher).read_text(encoding="utf-8")
    return [f"--launcher={{resource_dir}}/{_launcher.FILE_NAME}"], script


def _options(options: Sequence[str], *, are_checked: bool) -> list[str]:
    from async_kernel_zmq import _options as allowed

    if not options:
        return []
    path, rest = allowed.take(options, "interface_class")
    cls = allowed.interface_class(path)
    chosen = [f"--interface_class={path}"] if path else []
    return [*chosen, *(allowed.checked(rest, cls) if are_checked else allowed.renamed(rest, cls))]


def _write(target: Path, spec: Mapping[str, Any], script: str | None) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for logo in _LOGOS:
        shutil.copyfile(RESOURCES / logo, target / logo)
    saved = target / _launcher.FILE_NAME
    if script is None:
        saved.unlink(missing_ok=True)
    else:
        saved.write_text(script, encoding="utf-8")
    # Last: with it, Jupyter sees the rest.
    (target / "kernel.json").write_text(json.dumps(spec, indent=1) + "\n", encoding="utf-8")
