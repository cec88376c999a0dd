"""IPython's application behaviour: profiles, configuration, startup files, extensions, and magics that rely on them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from desktop.kernels import Flavour, start_kernel
from protocol.client import outputs

if TYPE_CHECKING:
    from pathlib import Path

    from desktop.kernels import Client, Kernel

ASYNCIO = Flavour("asyncio", "tcp")
EXTENSION = "def load_ipython_extension(shell):\n    shell.user_ns['loaded_{0}'] = True\n"


def write_profile(ipython: Path, name: str) -> Path:
    """A profile that has something of all."""
    profile = ipython / f"profile_{name}"
    (profile / "startup").mkdir(parents=True)
    (profile / "ipython_config.py").write_text(
        "c.InteractiveShellApp.exec_lines = ['from_line = 1']\n"
        "c.InteractiveShellApp.extensions = ['in_config']\n"
        "c.AsyncInteractiveShell.timeout = 77\n"
    )
    (profile / "ipython_kernel_config.py").write_text("c.InteractiveShell.ast_node_interactivity = 'all'\n")
    (profile / "startup" / "10-first.py").write_text("order = ['first']\n")
    (profile / "startup" / "20-second.ipy").write_text("order.append('second')\nwhere = %pwd\n")
    (profile / "startup" / "30-fails.py").write_text("1 / 0\n")
    return profile


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A folder on the kernel's path, with extensions."""
    folder = tmp_path / "modules"
    folder.mkdir()
    for name in ("in_config", "on_line", "late"):
        (folder / f"{name}.py").write_text(EXTENSION.format(name))
    return folder


@pytest.mark.parametrize("how", ["--profile", "--profile-dir"])
def test_profile(tmp_path: Path, modules: Path, how: str) -> None:
    ipython = tmp_path / "ipython"
    profile = write_profile(ipython, "mine")
    env = {**os.environ, "IPYTHONDIR": str(ipython), "PYTHONPATH": str(modules)}
    chosen = f"--profile-dir={profile}" if how == "--profile-dir" else "--profile=mine"
    code = "--IPApp.exec_files=" + str(modules / "run.py")
    (modules / "run.py").write_text("from_file = __name__\n")
    args = [chosen, code, "--ext=on_line", "-c", "from_code = 1"]
    with start_kernel(ASYNCIO, tmp_path, *args, errors=True, env=env, cwd=tmp_path) as kernel:
        assert (
            kernel.main.result("loaded_in_config, loaded_on_line, from_code, from_file")
            == "(True, True, 1, '__main__')"
        )
        assert kernel.main.result("order") == "['first', 'second']"
        assert kernel.main.result("where") == repr(str(tmp_path))
        assert kernel.main.result("get_ipython().timeout, get_ipython().profile") == "(77.0, 'mine')"
        assert [text for _, text in outputs(kernel.main.execute("1\n2"))] == ["1", "2"]
        assert (profile / "history.sqlite").exists()
        assert "ZeroDivisionError" in kernel.log


def test_magics_of_files_and_extensions(client: Client, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\nresult = sys.argv[1:]\nprint('ran', __name__)\n")
    assert client.execute(f"%run {script} a b").text() == "ran __main__\n"
    assert client.result("result") == "['a', 'b']"
    script.write_text("1 / 0\n")
    (error,) = client.execute(f"%run {script}").of_type("error")  # shown, and no error of the cell: IPython's way
    assert error["content"]["ename"] == "ZeroDivisionError"
    (tmp_path / "late.py").write_text(EXTENSION.format("late"))
    client.execute(f"import sys\nsys.path.append({str(tmp_path)!r})")
    client.execute("%load_ext late")
    assert client.result("loaded_late") == "True"
    assert client.execute("%load_ext nothing_of_the_kind").content["ename"] == "ModuleNotFoundError"


def test_edit_asks_the_client(client: Client, tmp_path: Path) -> None:
    script = tmp_path / "edited.py"
    script.write_text("def f():\n    pass\n")
    (payload,) = client.execute(f"%edit {script}").content["payload"]
    assert payload == {"source": "edit_magic", "filename": str(script), "line_number": 0}
    client.execute(f"import sys\nsys.path.append({str(tmp_path)!r})\nfrom edited import f")
    (payload,) = client.execute("%edit f").content["payload"]
    assert (payload["filename"], payload["line_number"]) == (str(script), 1)


def test_load_fills_the_cell(client: Client, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("x = 1\n")
    (payload,) = client.execute(f"%load {script}").content["payload"]
    assert (payload["source"], payload["replace"]) == ("set_next_input", True)
    assert payload["text"].endswith("x = 1\n")


@pytest.mark.parametrize("code", ["%gui", "%matplotlib inline"])
def test_no_gui_needs_no_loop(client: Client, code: str) -> None:
    done = client.execute(code)
    assert done.content["status"] == "ok", done.content
    assert outputs(done) == []


@pytest.mark.parametrize("gui", ["gtk3", "wx", "osx"])
def test_gui_that_does_not_run_is_told(client: Client, gui: str) -> None:
    assert f"'{gui}'" in client.execute(f"%gui {gui}").text("stderr")


def test_connect_info(client: Client, kernel: Kernel) -> None:
    text = client.execute("%connect_info").text()
    assert kernel.manager.connection_file in text
    assert f'"shell_port": {kernel.manager.shell_port}' in text
