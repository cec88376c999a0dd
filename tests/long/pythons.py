"""Install the wheel as a user does, in a fresh environment of each Python, and start the kernel by its name.

    python tests/long/pythons.py python3.11 python3.12 python3.13

What the wheel requires comes from the package registry, so this is no part of `npm test`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
USE = """
import sys
from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel(kernel_name="async", startup_timeout=60)
printed = []
reply = client.execute_interactive(
    "import sys, asyncio\\nawait asyncio.sleep(0)\\nprint(sys.executable)", timeout=60,
    output_hook=lambda msg: printed.append(msg["content"].get("text", "")),
)
client.stop_channels()
manager.shutdown_kernel()
assert reply["content"]["status"] == "ok", reply
assert "".join(printed).strip() == sys.executable, printed
"""


def check(interpreter: str, wheel: Path, folder: Path) -> str:
    """Install, start, list and uninstall. Returns the version of Python.

    Raises:
        subprocess.CalledProcessError: a step failed; its output is on stderr.
    """
    _run(interpreter, "-m", "venv", str(folder))
    python, spec = folder / "bin" / "python", folder / "share/jupyter/kernels/async"
    _run(python, "-m", "pip", "install", "-qq", str(wheel))
    _run(python, "-c", USE)
    listed = _run(folder / "bin" / "async-kernel", "list")
    assert str(spec) in listed, listed
    _run(python, "-m", "pip", "uninstall", "-qq", "-y", "jupyter-async-kernel")
    assert not spec.exists(), f"{spec} is left"
    return _run(python, "--version").strip()


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs="*", default=[sys.executable], help="interpreters")
    with tempfile.TemporaryDirectory() as temporary:
        _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", temporary, str(ROOT))
        (wheel,) = Path(temporary).glob("*.whl")
        for number, interpreter in enumerate(parser.parse_args().pythons):
            print(check(interpreter, wheel, Path(temporary) / str(number)), "works")


if __name__ == "__main__":
    main()
