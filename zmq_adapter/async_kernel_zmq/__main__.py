"""`python -m async_kernel_zmq`: the command of the interpreter that runs it. Kernelspecs start kernels so."""

import sys

from async_kernel_zmq.command import main

sys.exit(main())
