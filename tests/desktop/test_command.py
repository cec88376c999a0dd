"""The command `async-kernel`: its kernelspecs, its kernels, what it says when it is called wrongly."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import pytest
from async_kernel import __version__
from async_kernel_zmq import __main__
from async_kernel_zmq.command import main
from desktop.kernels import GUARD, Client, Flavour, start_kernel
from jupyter_client.blocking.client import BlockingKernelClient

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "async_kernel_zmq"]


def run(*args: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process."""
    return subprocess.run([*COMMAND, *args], capture_output=True, text=True, check=False, timeout=GUARD)


@contextmanager
def running(connection_file: Path, *args: str) -> Generator[Client]:
    """A client of the kernel that the command runs with these arguments. They make it write the file."""
    process = subprocess.Popen([*COMMAND, *args], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        while not (connection_file.exists() and connection_file.read_text()):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        zmq_client = BlockingKernelClient(connection_file=str(connection_file))
        zmq_client.load_connection_file()
        client = Client(zmq_client).connect()
        yield client
        client.send("shutdown_request", {"restart": False}, "control")
        client.close()
        assert process.wait(GUARD) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of kernelspecs of an environment of the test's own, which Jupyter looks into."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share/jupyter"))
    return tmp_path / "share/jupyter/kernels"


def spec(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "kernel.json").read_text())
    return found


def test_the_entry_point_is_this_command() -> None:
    (entry,) = entry_points(group="console_scripts", name="async-kernel")
    assert entry.load() is __main__.main


def test_install_list_and_uninstall(environment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "--name=async-trio", "--backend=trio", "--env", "A=b=c", "--env=D=", "--timeout", "3"]) == 0
    assert capsys.readouterr().out == f"Installed the kernelspec async-trio in {environment / 'async-trio'}\n"
    installed = spec(environment / "async-trio")
    assert installed["argv"][-3:] == ["--name=async-trio", "--backend=trio", "--timeout=3"]
    assert installed["env"] == {"A": "b=c", "D": ""}
    assert main(["install", "--display_name=My kernel"]) == 0
    capsys.readouterr()
    assert main(["list"]) == 0
    listed = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    cells = [[cell.strip() for cell in line if cell] for line in listed]
    python = sys.executable
    assert cells[0] == ["NAME", "DISPLAY NAME", "BACKEND", "HOST", "INTERPRETER", "FOLDER"]
    assert ["async", "My kernel", "asyncio", "none", python, str(environment / "async")] in cells
    assert ["async-trio", "Python (async-trio)", "trio", "none", python, str(environment / "async-trio")] in cells
    gone = spec(environment / "async") | {"argv": ["/gone/bin/python", "--host=tk", "-f", "{connection_file}"]}
    (environment / "async" / "kernel.json").write_text(json.dumps(gone))
    assert main(["list"]) == 0
    assert re.search(r"My kernel +asyncio +tk +/gone/bin/python \(missing\) ", capsys.readouterr().out)
    assert main(["uninstall", "async-trio", "async"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"Removed the kernelspec {name} from {environment}" for name in ("async-trio", "async")
    ]
    assert not list(environment.iterdir())


def test_the_older_forms(environment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-a", "async-trio", "--interface.backend=trio"]) == 0
    assert spec(environment / "async-trio")["argv"][-2:] == ["--name=async-trio", "--backend=trio"]
    assert main(["--display-name=Two", "--add=two"]) == 0
    assert spec(environment / "two")["display_name"] == "Two"
    assert main(["-r", "two"]) == 0
    assert main(["-r", "async-trio"]) == 0
    assert not list(environment.iterdir())
    capsys.readouterr()
    for form in ("-V", "--version"):
        assert main([form]) == 0
        assert capsys.readouterr().out == f"async-kernel {__version__}\n"
    assert main(["-l"]) == 0


def test_the_places(environment: Path, tmp_path: Path) -> None:
    places = {
        "--user": tmp_path / "data/kernels",
        f"--prefix={tmp_path / 'p'}": tmp_path / "p/share/jupyter/kernels",
        f"--folder={tmp_path / 'f'}": tmp_path / "f",
    }
    for option, folder in places.items():
        assert main(["install", "--name=placed", option]) == 0
        assert spec(folder / "placed")
        assert main(["uninstall", "placed", option]) == 0
        assert not (folder / "placed").exists()
    assert not environment.exists()


def test_list_leaves_out_other_kernels_and_says_when_there_is_none(
    environment: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_core.paths.ENV_JUPYTER_PATH", [])
    theirs = environment / "theirs/kernel.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text('{"argv": ["x"], "display_name": "Theirs"}')
    assert main(["list"]) == 0
    assert capsys.readouterr().out.endswith("no kernelspec of this kernel: `async-kernel install` adds one\n")


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        (["bogus"], 2, "unknown command 'bogus': use install, uninstall, start or list"),
        (["install", "--bakend=trio"], 2, "unknown option --bakend, perhaps --backend: use one of"),
        (["install", "--backend=curio"], 2, "any of ['asyncio', 'trio']"),
        (["-a", "x", "trio"], 2, "unexpected 'trio'"),
        (["-a"], 2, "-a needs the name of a kernelspec"),
        (["-r"], 2, "-r needs the name of a kernelspec"),
        (["install", "--name"], 2, "expected one argument"),
        (["install", "--env=X"], 2, "--env 'X' is not of the form KEY=VALUE"),
        (["install", "--user", "--prefix=x"], 2, "not allowed with argument"),
        (["list", "x"], 2, "unrecognized arguments: x"),
        (["uninstall"], 2, "which kernelspec? `async-kernel list` shows them"),
        (["start", "--hots=tk"], 2, "unknown option --hots"),
        (["-f", "x.json", "--interface.wrong=1"], 2, "unknown option --wrong"),
        (["start", "--interface_class=no.Class"], 2, "no.Class cannot be imported"),
        (["install", "--name=a b"], 1, "'a b' is no kernel name"),
        (["install", "--launcher=nowhere.py"], 1, "nowhere.py"),
        (["uninstall", "nope"], 1, "there is no kernelspec 'nope'"),
        (["start", "--launcher=nowhere.py"], 1, "the launcher nowhere.py is not there"),
        (["start", "--launcher=no.where"], 1, "the launcher no.where cannot be imported"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(
    environment: Path, capsys: pytest.CaptureFixture[str], args: list[str], code: int, text: str
) -> None:
    assert main(args) == code
    said = capsys.readouterr()
    assert said.err.startswith("async-kernel: ")
    assert said.err.count("\n") == 1
    assert text in said.err
    assert said.out == ""
    assert not environment.exists()


def test_a_folder_that_cannot_be_written_is_said_with_the_other_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["install", f"--prefix={tmp_path / 'file'}"]) == 1
    assert "--user, --prefix and --folder choose another place\n" in capsys.readouterr().err


@pytest.mark.parametrize("args", [(), ("-h",), ("--help",)])
def test_the_help_names_the_commands(capsys: pytest.CaptureFixture[str], args: tuple[str, ...]) -> None:
    assert main(args) == 0
    shown = capsys.readouterr().out
    assert all(f"async-kernel {word}" in shown for word in ("install", "uninstall", "list", "start"))


def test_help_all_explains_every_option() -> None:
    shown = run("--help-all").stdout
    assert "async-kernel uninstall" in shown
    for option in ("--BaseInterface.backend", "--Kernel.help_links", "--AsyncInteractiveShell.timeout", "--profile"):
        assert option in shown
    head = subprocess.run(
        f"'{sys.executable}' -m async_kernel_zmq --help-all | head -1", shell=True, capture_output=True, check=True
    )
    assert head.stderr == b""


def test_show_config_shows_what_was_given() -> None:
    shown = run("--show-config", "--interface.backend=trio", "--timeout=4")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert ".backend = 'trio'" in shown.stdout
    assert ".timeout = 4.0" in shown.stdout


def test_a_kernel_that_cannot_start_says_why_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "kernel.json"
    file.write_text("no json")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for args, text in (
            (["-f", str(file)], f"async-kernel: cannot read the connection file {file}"),
            (["start", f"--shell={port}"], "async-kernel: cannot bind the shell channel: Address already in use"),
            (["start", "--backend=curio"], "any of ['asyncio', 'trio']"),
        ):
            done = run(*args)
            assert done.returncode == 1
            assert text in done.stderr
            assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("form", [["start", "-f"], ["-f"], ["start", "--connection_file"], ["--name=x", "-f"]])
def test_a_kernel_runs_until_it_is_asked_to_end(tmp_path: Path, form: list[str]) -> None:
    file = tmp_path / "kernel.json"
    with running(file, *form, str(file), "--interface.backend=trio", "--timeout", "5") as client:
        assert client.result("import trio; await trio.sleep(0); get_ipython().timeout") == "5.0"
    assert not file.exists()


def test_a_file_given_as_vs_code_gives_it(tmp_path: Path) -> None:
    file = tmp_path / "kernel with spaces.json"
    with running(file, f"--f={file}") as client:
        assert client.result("1 + 1") == "2"


def test_another_interface_class_runs(tmp_path: Path) -> None:
    file = tmp_path / "kernel.json"
    with running(file, "start", "--interface_class=async_kernel_zmq.ZMQInterface", f"--f={file}") as client:
        assert client.result("type(get_ipython().parent).__name__") == "'ZMQInterface'"


def test_an_installed_spec_starts_a_kernel_with_its_options(
    environment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--name=full", "--backend=trio", "--env=GREETING=hello", "--timeout=8"]) == 0
    with start_kernel(Flavour("trio", "tcp"), tmp_path, name="full") as kernel:
        code = "import os, sys, sniffio\n"
        code += "[sniffio.current_async_library(), os.environ['GREETING'], get_ipython().timeout, sys.executable]"
        assert kernel.main.result(code) == repr(["trio", "hello", 8.0, sys.executable])
        assert kernel.main.result("get_ipython().parent.name") == "'full'"


@pytest.fixture
def other_project(tmp_path: Path) -> Path:
    """A folder to import from that has the other project's distribution."""
    info = tmp_path / "site/async_kernel-0.23.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: async-kernel\nVersion: 0.23.1\n")
    return info.parent


def test_the_other_project_in_this_environment_is_told_of(
    other_project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-V"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.syspath_prepend(str(other_project))
    assert main(["-V"]) == 0
    said = capsys.readouterr().err
    assert said.startswith("async-kernel: warning: async-kernel 0.23.1, another project with the same import name")
    assert "uninstall async-kernel and jupyter-async-kernel" in said


def test_the_kernels_log_tells_of_the_other_project(
    environment: Path, other_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--name=mixed", f"--env=PYTHONPATH={other_project}"]) == 0
    with start_kernel(Flavour("asyncio", "tcp"), tmp_path, name="mixed") as kernel:
        assert "warning: async-kernel 0.23.1, another project" in kernel.log
