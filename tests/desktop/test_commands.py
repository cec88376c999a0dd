"""Programs that cells run: `%%bash`, `%%script`, `!`, `%pip`, `%uv`. Their output comes at once, and nobody waits."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from desktop.test_clients import COMPLETE
from protocol.client import outputs

if TYPE_CHECKING:
    from pathlib import Path

    from desktop.kernels import Client, Kernel

WAYS = {"%%bash": "%%bash\n{}", "%%sh": "%%sh\n{}", "%%script": "%%script bash\n{}", "!": "!{}"}


@pytest.mark.parametrize("way", WAYS)
def test_output_comes_at_once_and_other_messages_are_answered(client: Client, tmp_path: Path, way: str) -> None:
    gate = tmp_path / "gate"
    command = f"echo first; while [ ! -e {gate} ]; do sleep 0.01; done; echo second"
    request = client.start(WAYS[way].format(command))
    client.wait_text(request, "first\n")
    for msg_type, content in (("kernel_info_request", {}), ("complete_request", COMPLETE)):
        assert client.request(msg_type, content).content["status"] == "ok"
    gate.touch()
    assert client.finish(request).text() == "first\nsecond\n"


@pytest.mark.parametrize("way", WAYS)
def test_interrupt_ends_it(client: Client, kernel: Kernel, way: str) -> None:
    request = client.start(WAYS[way].format("trap '' INT; echo pid $$; sleep 600; sleep 600"))
    client.wait_text(request, "\n")
    pid = client.exchange(request).text().split()[1]
    kernel.interrupt()
    assert client.finish(request).content["ename"] == "KeyboardInterrupt"
    assert client.execute(f"import os\nos.kill({pid}, 0)").content["ename"] == "ProcessLookupError"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("%%bash\necho out; echo err >&2", [("stdout", "out\n"), ("stderr", "err\n")]),
        ("%%bash --out x --err y\necho out; echo err >&2", []),
        ("x, y", [("execute_result", "('out\\n', 'err\\n')")]),
        ("%%script --no-raise-error bash\nexit 3", []),
        ("%%bash --bg --out pipe\necho behind", []),
        ("%%asyncio\nawait pipe.read()", [("execute_result", "b'behind\\n'")]),
        ("%%script cat\nthe cell é\nwhole", [("stdout", "the cell é\nwhole\n")]),
        ("%%bash -s a 'b c'\necho $2 $1", [("stdout", "b c a\n")]),
        ("%%bash\nprintf '\\xf0\\x9f'; printf '\\x90\\x8d'", [("stdout", "🐍")]),
        ("%%bash\nexec <&-; echo deaf", [("stdout", "deaf\n")]),
        ("%%script no-such-program\nx", [("stdout", "Couldn't find program: 'no-such-program'\n")]),
        ("%%python\nprint(6 * 7)", [("stdout", "42\n")]),
        ("%%capture c\n%%bash\necho kept", []),
        ("c.stdout", [("execute_result", "'kept\\n'")]),
        ("def f():\n    get_ipython().run_cell_magic('bash', '', 'echo in f')\nf()", [("stdout", "in f\n")]),
        ("for i in range(2):\n    get_ipython().run_cell_magic('sh', '', f'echo {i}')", [("stdout", "0\n1\n")]),
    ],
)
def test_scripts(client: Client, code: str, expected: list[tuple[str, str]]) -> None:
    done = client.execute(code)
    assert done.content["status"] == "ok", done.content
    assert sorted(outputs(done)) == sorted(expected)


def test_script_that_fails_is_an_error(client: Client) -> None:
    done = client.execute("%%bash\necho so far\nexit 3")
    assert done.text() == "so far\n"
    assert done.content["ename"] == "CalledProcessError"
    assert "non-zero exit status 3" in done.content["evalue"]


@pytest.mark.parametrize("magic", ["pip", "uv"])
@pytest.mark.parametrize("code", ["%{} --version", "%time %{} --version", "def f():\n    %{} --version\nf()"])
def test_package_managers_run_in_the_environment(client: Client, magic: str, code: str) -> None:
    text = client.execute(code.format(magic)).text()
    # uv is no dependency: without it Python says so.
    assert text.startswith(f"{magic} ") or f"{sys.executable}: No module named uv" in text


def test_package_manager_gets_its_arguments(client: Client) -> None:
    client.execute("what = 'no such package'")
    assert "not found: no such package" in client.execute("%pip show '{what}'").text()


@pytest.mark.parametrize("code", ["%time !echo out", "%%time\n!echo out", "%%timeit -n1 -r1\n!echo out"])
def test_command_that_is_timed(client: Client, code: str) -> None:
    done = client.execute(code)
    assert done.content["status"] == "ok", done.content
    assert done.text().startswith("out")
