"""`python -m async_kernel_zmq`: the command of the interpreter that runs it. Kernelspecs start kernels so."""

import gc
import os
import sys

# Nothing that starting makes is garbage. What runs the kernel or a launcher enables it again.
gc.disable()

# The working directory, which holds the user's files: none of them is to stand in for a module that the kernel needs to
# start. The shell puts it back, behind the standard library.
if not sys.flags.safe_path and os.path.isdir(sys.path[0]):
    del sys.path[0]

from async_kernel_zmq.command import main  # noqa: E402  # what is above is for it

sys.exit(main())
