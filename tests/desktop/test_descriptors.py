"""What is written past Python's streams, to file descriptors 1 and 2, lands in the cell."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from desktop.kernels import start_kernel
from protocol.client import outputs

if TYPE_CHECKING:
    from pathlib import Path

    from desktop.kernels import Client, Flavour


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import os\nos.write(1, b'to 1\\n');", [("stdout", "to 1\n")]),
        ("import os\nos.write(2, b'to 2\\n');", [("stderr", "to 2\n")]),
        ("import ctypes\nlibc = ctypes.CDLL(None)\nlibc.puts(b'of C')\nlibc.fflush(None);", [("stdout", "of C\n")]),
        ("import subprocess\nsubprocess.run(['echo', 'inherited']);", [("stdout", "inherited\n")]),
        ("import subprocess\nsubprocess.run('echo inherited >&2', shell=True);", [("stderr", "inherited\n")]),
        ("import os\nos.write(1, 'ä\U0001f40d\\n'.encode());", [("stdout", "ä\U0001f40d\n")]),
        ("import sys\nsys.__stdout__.write('unbound')\nsys.__stdout__.flush()", [("stdout", "unbound")]),
    ],
)
def test_lands_in_the_cell(client: Client, code: str, expected: list[tuple[str, str]]) -> None:
    assert outputs(client.execute(code)) == expected


def test_keeps_its_place_among_prints(client: Client) -> None:
    done = client.execute("import os\nfor i in range(100):\n    print('p', i)\n    os.write(1, b'w %d\\n' % i)")
    assert done.text() == "".join(f"p {i}\nw {i}\n" for i in range(100))


def test_keeps_its_place_in_an_unfinished_line(client: Client) -> None:
    done = client.execute("import os\nprint('a', end='')\nos.write(1, b'b')\nprint('c')")
    assert done.text() == "abc\n"


def test_lands_in_its_own_cell_while_others_print(client: Client) -> None:
    """And while messages of other kinds are sent."""
    talk = "import threading, time\ntalking = True\ndef talk():\n    while talking: print('talk'); time.sleep(0.001)\n"
    talking = client.start(f"{talk}threading.Thread(target=talk).start(); print('begins', end='')")
    client.finish(talking)
    writing = client.start("import os, time\nfor i in range(300): os.write(1, b'mine\\n'); time.sleep(0.002)")
    for _ in range(50):
        client.request("kernel_info_request", channel="control")
    assert client.finish(writing).text() == "mine\n" * 300
    client.execute("talking = False")
    assert "mine" not in client.exchange(talking).text()


FORKING = """\
import multiprocessing, os
processes = multiprocessing.get_context('fork')
def work(number):
    print('worker', number)
    return number * number
def fail():
    raise ValueError('of a fork')
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
class TestForks:
    def test_their_lines_land_in_the_cell(self, client: Client) -> None:
        client.execute(FORKING)
        done = client.execute("with processes.Pool(4) as pool: print(pool.map(work, range(50), chunksize=1))")
        lines = done.text().splitlines()
        assert sorted(lines[:-1]) == sorted(f"worker {number}" for number in range(50))
        assert lines[-1] == str([number**2 for number in range(50)])

    def test_their_errors_land_in_the_cell(self, client: Client) -> None:
        client.execute(FORKING)
        done = client.execute("process = processes.Process(target=fail)\nprocess.start()\nprocess.join()")
        assert done.text("stderr").splitlines()[-1] == "ValueError: of a fork"

    def test_what_the_kernel_holds_back_is_sent_once(self, client: Client) -> None:
        client.execute(FORKING)
        done = client.execute(
            "for number in range(500): print(number)\nprint('half', end='')\n"
            "if (process := os.fork()) == 0:\n    print('forked', flush=True)\n    os._exit(0)\nos.waitpid(process, 0);"
        )
        lines = done.text().splitlines()
        assert lines == [*map(str, range(500)), "halfforked"]

    def test_they_cannot_ask(self, client: Client) -> None:
        client.execute(FORKING)
        done = client.execute("process = processes.Process(target=input)\nprocess.start()\nprocess.join()")
        assert "a forked process cannot ask the client for input" in done.text("stderr")

    def test_while_threads_print(self, client: Client) -> None:
        """They may hold the locks at the moment of the fork."""
        client.execute(FORKING)
        done = client.execute(
            "import threading\ngoing = True\ndef talk():\n    while going: print('talk')\n"
            "threads = [threading.Thread(target=talk) for _ in range(3)]\nfor thread in threads: thread.start()\n"
            "for number in range(20):\n    process = processes.Process(target=work, args=(number,))\n"
            "    process.start()\n    process.join()\n"
            "going = False\nfor thread in threads: thread.join()"
        )
        assert [done.text().count(f"worker {number}\n") for number in range(20)] == [1] * 20


def test_faulthandler_shows_threads_in_the_cell(client: Client) -> None:
    done = client.execute("import faulthandler\nfaulthandler.dump_traceback()")
    assert "most recent call first" in done.text("stderr")


def test_a_crash_is_told_in_the_log(flavour: Flavour, tmp_path: Path) -> None:
    def crash() -> None:
        with start_kernel(flavour, tmp_path) as kernel:
            kernel.main.start("import ctypes\nctypes.string_at(0)")
            kernel.wait_end()

    with pytest.raises(AssertionError, match=rf"exit code -{signal.SIGSEGV:d}(.|\n)*Segmentation fault"):
        crash()
