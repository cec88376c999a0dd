"""`python -m async_kernel_lite SITE`: what a first visit to a built site loads for the kernel."""

from __future__ import annotations

import sys
from pathlib import Path

from async_kernel_lite._first_visit import first_visit, table

if __name__ == "__main__":
    sys.stdout.write(f"{table(first_visit(Path(sys.argv[1])))}\n")
