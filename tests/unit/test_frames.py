"""The frames of all threads."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

from async_kernel._frames import current_frames

BESIDE_FINALISERS = """
import gc, threading, time
from async_kernel._frames import current_frames

class Finalised:
    def __init__(self): self.itself = self
    def __del__(self): time.sleep(0)

def start_threads():
    while True:
        thread = threading.Thread(target=len, args=([],))
        thread.start()
        thread.join()

def deep(levels):
    if levels:
        return deep(levels - 1)
    gc.set_threshold(0)
    Finalised()
    gc.set_threshold(1)  # so that it is collected within the next call
    return current_frames()

threading.Thread(target=start_threads, daemon=True).start()
for _ in range(2000):
    deep(3)
print('done')
"""


def test_of_each_thread() -> None:
    found = current_frames()
    assert found[threading.get_ident()].f_code is sys._getframe().f_code


def test_garbage_collection_stays_as_it_was() -> None:
    current_frames()
    assert gc.isenabled()
    gc.disable()
    try:
        current_frames()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_beside_finalisers_and_starting_threads() -> None:
    command = [sys.executable, "-c", BESIDE_FINALISERS]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "done\n"
