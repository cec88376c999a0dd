"""The kernel in Firefox, driven by WebDriver BiDi: Playwright has no driver for the browser as Debian ships it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from browser.chromium import ARTIFACTS
from browser.servers import ROOT

if TYPE_CHECKING:
    from browser.servers import SiteServer

FIREFOX = os.environ.get("FIREFOX", shutil.which("firefox-esr") or shutil.which("firefox"))

pytestmark = pytest.mark.skipif(
    FIREFOX is None, reason="there is no Firefox: install it, or say in $FIREFOX where it is"
)


def run(url: str, *cells: dict[str, Any]) -> list[list[str]]:
    """The outputs of cells when they have run, one after another, in a new notebook."""
    ARTIFACTS.mkdir(exist_ok=True)
    script = ROOT / "tests" / "browser" / "firefox.mjs"
    command = ["node", str(script), str(FIREFOX), url, json.dumps(cells), str(ARTIFACTS / "firefox.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_busy_kernel_listens(server: SiteServer) -> None:
    *interrupted, slept, answered, computed = run(
        server.url,
        {"code": "print('begins')\nwhile True: pass", "stop": True},
        {"code": "import time\nprint('begins')\ntime.sleep(3600)", "stop": True},
        {"code": "import asyncio\nprint('begins')\nawait asyncio.sleep(3600)", "stop": True},
        {"code": "print('begins')\ninput()", "stop": True},
        {"code": "time.sleep(0.01)\n'slept'"},
        {"code": "'Hello ' + input('who?')", "answer": "Ada"},
        {"code": "6 * 7"},
    )
    for outputs in interrupted:
        assert outputs[0] == "begins\n"
        assert "KeyboardInterrupt" in "".join(outputs)
    assert (slept, computed) == (["'slept'"], ["42"])
    assert "'Hello Ada'" in answered
