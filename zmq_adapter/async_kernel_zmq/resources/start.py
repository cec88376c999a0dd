"""Start the kernel with the interpreter that it was installed into.

A wheel cannot name that interpreter in its kernelspec, and the `python` there is the Jupyter server's, which may be of
another environment. What the installer does make for each environment is the command `async-kernel`: this script finds
it by its own place and becomes it. Any Python 3 may run it, with its standard library alone.
"""

from __future__ import annotations

import os
import sys


def find_command(resource_dir: str) -> str | None:
    """The command `async-kernel` of the environment that holds this kernelspec, or None."""
    # As given, and without links: an installer may link files here from elsewhere, a user this folder to elsewhere.
    for place in (os.path.abspath(resource_dir), os.path.realpath(resource_dir)):
        root = os.path.normpath(os.path.join(place, *[os.pardir] * 4))
        found = [path for path in candidates(root) if os.path.isfile(path)]
        if found:
            return max(found, key=os.path.getmtime)
    return None


def candidates(root: str) -> list[str]:
    """Where the command may be, in an environment's folder or in a user's."""
    # Windows keeps a user's commands by version.
    folders = ["bin", "Scripts", *(os.path.join(name, "Scripts") for name in os.listdir(root) if name[:6] == "Python")]
    return [os.path.join(root, folder, name) for folder in folders for name in ("async-kernel", "async-kernel.exe")]


if sys.platform == "win32":

    def become(argv: list[str]) -> None:
        """Run the command as a child that ends with this process: no process can become another here."""
        import ctypes
        import subprocess

        class Limits(ctypes.Structure):
            """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

            _fields_ = [
                ("times", ctypes.c_int64 * 2),
                ("flags", ctypes.c_uint32),
                ("working_set", ctypes.c_size_t * 2),
                ("processes", ctypes.c_uint32),
                ("affinity", ctypes.c_size_t),
                ("scheduling", ctypes.c_uint32 * 2),
                ("io", ctypes.c_uint64 * 6),
                ("memory", ctypes.c_size_t * 4),
            ]

        limits = Limits(flags=0x3000)  # JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, _SILENT_BREAKAWAY_OK
        kernel32 = ctypes.WinDLL("kernel32")
        kernel32.CreateJobObjectW.restype = ctypes.c_void_p
        job = ctypes.c_void_p(kernel32.CreateJobObjectW(None, None))
        kernel32.SetInformationJobObject(job, 9, ctypes.byref(limits), ctypes.sizeof(limits))
        # It inherits the handles that JPY_PARENT_PID and the like name.
        child = subprocess.Popen(argv, close_fds=False)  # noqa: S603  # the command that was looked for
        handle = ctypes.c_void_p(int(child._handle))  # type: ignore[attr-defined]  # typeshed leaves it out
        kernel32.AssignProcessToJobObject(job, handle)
        sys.exit(child.wait())

else:

    def become(argv: list[str]) -> None:
        """Run the command in this process."""
        os.execv(argv[0], argv)  # noqa: S606  # a shell has no part in this


def main() -> None:
    """Start the kernel with this script's arguments."""
    resource_dir = os.path.dirname(os.path.abspath(__file__))
    command = find_command(resource_dir)
    if command is None:
        sys.exit(
            f"The command async-kernel is not where it was installed with {resource_dir}. Was that folder copied? "
            "In the environment of the kernel run `async-kernel install --user` instead."
        )
    try:
        become([command, *sys.argv[1:]])
    except OSError as e:
        sys.exit(f"{command} does not start, its interpreter may have gone: {e}")


if __name__ == "__main__":
    main()
