"""The command `async-kernel`, also as `python -m async_kernel_zmq`: kernelspecs start kernels so."""

import gc
import os
import sys

# Of `python -m` the working directory, which holds the user's files: none of them is to stand in for a module that the
# kernel needs to start. The shell puts it back, behind the standard library.
if __name__ == "__main__" and not sys.flags.safe_path and os.path.isdir(sys.path[0]):
    del sys.path[0]

from async_kernel_zmq._binding import bound_ahead  # what is above is for it


def main() -> int:
    """Run the command, and return its exit code."""
    gc.disable()  # nothing that starting makes is garbage; what runs the kernel or a launcher enables it again
    with bound_ahead(sys.argv[1:]):
        from async_kernel_zmq import command

        return command.main()


if __name__ == "__main__":
    sys.exit(main())
