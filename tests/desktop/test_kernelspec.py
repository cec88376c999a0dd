"""`write_kernel_spec` and what is beside the specs: names, launchers, the script that finds the interpreter."""

from __future__ import annotations

import json
import runpy
import struct
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from async_kernel._kernel import Kernel
from async_kernel_zmq._errors import KernelSpecError, LauncherError, OptionError
from async_kernel_zmq.kernelspec import RESOURCES, installed_specs, remove_kernel_spec, write_kernel_spec
from desktop.kernels import Flavour, start_kernel
from jupyter_client.kernelspec import KernelSpecManager
from traitlets import Int

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
TCP = Flavour("asyncio", "tcp")
MARK = "set by the launcher"


def launcher(settings: dict[str, Any], limit: int = 3) -> None:
    import os
    from contextlib import suppress

    from async_kernel.interface import launch_interface

    with suppress(ZeroDivisionError):
        os.environ["LAUNCHED"] = repr([settings, [2 * n for n in range(limit)]])
    launch_interface(settings)


def launcher_without_settings() -> None:
    launcher({})


def launcher_of_this_file(settings: dict[str, Any]) -> None:
    print(MARK, Path, settings)


class TracingKernel(Kernel):
    depth = Int(0).tag(config=True)


@partial
def no_function(settings: dict[str, Any]) -> None: ...


def make_closure(number: int) -> Callable[[object], None]:
    def inner(settings: object) -> None:
        print(number)

    return inner


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's folder of each test's own."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))


def read(folder: Path) -> Any:
    return json.loads((folder / "kernel.json").read_text())


def script(folder: Path) -> Any:
    """The names that start.py defines."""
    return runpy.run_path(str(folder / "start.py"), run_name="start")


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_a_spec_starts_this_interpreter_with_the_options_and_has_the_logos(tmp_path: Path) -> None:
    folder = write_kernel_spec(
        tmp_path,
        name="Async-Trio",
        display_name="Trio",
        options=["--backend", "trio", "--interface.quiet=False", "--no-quiet", "--HistoryManager.hist_file=:memory:"],
        env={"A": "b"},
        metadata={"more": 1},
    )
    spec = read(folder)
    assert folder == tmp_path / "async-trio"
    assert spec["argv"] == [
        *[sys.executable, "-m", "async_kernel_zmq", "-f", "{connection_file}", "--name=async-trio"],
        *["--backend=trio", "--IPApp.quiet=False", "--no-quiet", "--HistoryManager.hist_file=:memory:"],
    ]
    assert (spec["display_name"], spec["env"], spec["interrupt_mode"]) == ("Trio", {"A": "b"}, "message")
    assert spec["metadata"] == read(RESOURCES)["metadata"] | {"more": 1}
    assert KernelSpecManager(kernel_dirs=[str(tmp_path)]).get_kernel_spec("async-trio").language == "python"
    assert {path.name for path in folder.iterdir()} == {
        *("kernel.json", "logo-svg.svg", "logo-32x32.png", "logo-64x64.png")
    }


def test_the_wheels_spec_differs_only_in_how_it_finds_the_interpreter(tmp_path: Path) -> None:
    written, wheels = read(write_kernel_spec(tmp_path)), read(RESOURCES)
    assert {**written, "argv": None} == {**wheels, "argv": None}


def test_the_logos_are_the_extensions_icon_in_their_sizes() -> None:
    assert (RESOURCES / "logo-svg.svg").read_text() == (ROOT / "js/src/extension/icon.svg").read_text()
    for size in (32, 64):
        head = (RESOURCES / f"logo-{size}x{size}.png").read_bytes()[:24]
        assert struct.unpack(">8s4x4s2I", head) == (b"\x89PNG\r\n\x1a\n", b"IHDR", size, size)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..", "é", "a\n", "-._"])
def test_a_name_that_jupyter_does_not_allow_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(KernelSpecError, match="no kernel name: use ASCII letters"):
        write_kernel_spec(tmp_path, name=name)
    assert not list(tmp_path.rglob("*"))


def test_only_one_place_can_be_chosen(tmp_path: Path) -> None:
    with pytest.raises(KernelSpecError, match="one place"):
        write_kernel_spec(tmp_path, user=True)


def test_another_kernels_spec_is_neither_replaced_nor_removed(tmp_path: Path) -> None:
    theirs = tmp_path / "python3" / "kernel.json"
    theirs.parent.mkdir()
    theirs.write_text('{"argv": ["python"], "display_name": "Python 3"}')
    write_kernel_spec(tmp_path, name="mine")
    with pytest.raises(KernelSpecError, match="another kernel: choose another name"):
        write_kernel_spec(tmp_path, name="python3")
    with pytest.raises(KernelSpecError, match="another kernel: this command removes mine"):
        remove_kernel_spec("python3", tmp_path)
    with pytest.raises(KernelSpecError, match=r"no kernelspec 'nope' in .*: there is mine"):
        remove_kernel_spec("nope", tmp_path)
    assert theirs.exists()
    assert remove_kernel_spec("Mine", tmp_path) == tmp_path / "mine"
    assert list(installed_specs([tmp_path])) == ["python3"]


def test_a_linked_spec_is_unlinked_and_a_broken_one_is_not_ours(tmp_path: Path) -> None:
    real, seen = tmp_path / "real", tmp_path / "seen"
    write_kernel_spec(real)
    seen.mkdir()
    (seen / "async").symlink_to(real / "async")
    touch(seen / "broken" / "kernel.json")
    assert not installed_specs([seen])["broken"].is_ours
    remove_kernel_spec("async", seen)
    assert [path.name for path in seen.iterdir()] == ["broken"]
    assert installed_specs([real])["async"].is_ours


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--bakend=trio"], "unknown option --bakend, perhaps --backend: use one of --"),
        (["--backend=curio"], r"--backend=curio: .* any of \['asyncio', 'trio'\]"),
        (["--BaseInterface.backend=curio"], r"any of \['asyncio', 'trio'\]"),
        (["--interface.wrong=1"], "unknown option --wrong"),
        (["--Kernel.help=1"], "unknown option --Kernel.help, .*use one of --Kernel.help_links, --Kernel.supp"),
        (["--Nothing.help=1"], "or a trait of .*AsyncInteractiveShell, .*Kernel"),
        (["--timeout=soon"], "--timeout=soon: .*float"),
        (["--timeout=-1"], "--timeout=-1: .*0.0"),
        (["--kernel_class=no.Kernel"], "--kernel_class=no.Kernel: .*"),
        (["--kernel_class=async_kernel.shell.AsyncInteractiveShell"], "subclass of 'async_kernel._kernel.Kernel'"),
        (["--timeout"], "needs a value"),
        (["trio"], "unexpected 'trio'"),
        (["-f", "x"], "-f does not belong"),
        (["--connection_file=x"], "does not belong"),
        (["--interface_class=no.Class"], "no.Class cannot be imported"),
        (["--interface_class=pathlib.Path"], "Path is no subclass of BaseInterface"),
        (["--interface_class"], "needs a value"),
    ],
)
def test_an_option_that_is_not_allowed_is_refused_with_what_is(tmp_path: Path, options: list[str], text: str) -> None:
    with pytest.raises(OptionError, match=text) as error:
        write_kernel_spec(tmp_path, options=options)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.rglob("*"))


def test_a_class_that_an_option_names_brings_its_traits(tmp_path: Path) -> None:
    chosen = f"--kernel_class={__name__}.TracingKernel"
    spec = read(write_kernel_spec(tmp_path, options=[chosen, "--TracingKernel.depth=3"]))
    assert spec["argv"][-2:] == [chosen, "--TracingKernel.depth=3"]
    with pytest.raises(OptionError, match=r"TracingKernel\.depth=deep: .*int"):
        write_kernel_spec(tmp_path, options=[chosen, "--TracingKernel.depth=deep"])


def test_the_interface_class_decides_what_is_allowed(tmp_path: Path) -> None:
    write_kernel_spec(tmp_path, options=["--profile=x"])
    zmq = "--interface_class=async_kernel_zmq.ZMQInterface"
    with pytest.raises(OptionError, match="unknown option --profile"):
        write_kernel_spec(tmp_path, options=[zmq, "--profile=x"])
    assert read(write_kernel_spec(tmp_path, options=["--ip=::1", zmq]))["argv"][-2:] == [zmq, "--ip=::1"]


def test_a_command_of_ones_own(tmp_path: Path) -> None:
    command = ["run-it", "--at={connection_file}"]
    assert read(write_kernel_spec(tmp_path, command=command, options=["--own"]))["argv"] == [
        *command,
        "--name=async",
        "--own",
    ]
    for wrong in (["run-it"], "run-it {connection_file}"):
        with pytest.raises(KernelSpecError, match="must be a list of arguments"):
            write_kernel_spec(tmp_path, command=wrong)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda settings: None, "def"),
        (make_closure(3), "uses number from outside"),
        (launcher_of_this_file, "uses MARK, Path from outside"),
        (launcher_without_settings, "uses launcher from outside"),
        (no_function, "no source"),
        (print, "no source"),
        (Path.read_text.__get__(Path()), "from outside"),
    ],
)
def test_a_launcher_that_cannot_run_alone_is_refused(
    tmp_path: Path, function: Callable[..., object], text: str
) -> None:
    with pytest.raises(LauncherError, match=text):
        write_kernel_spec(tmp_path, launcher=function)
    assert not list(tmp_path.rglob("*"))


def test_a_function_is_saved_and_starts_the_kernel(tmp_path: Path) -> None:
    folder = write_kernel_spec(user=True, name="launched", launcher=launcher, options=["--timeout=7"])
    assert "def launcher(" in (folder / "launcher.py").read_text()
    with start_kernel(TCP, tmp_path, name="launched") as kernel:
        assert kernel.main.result("import os; os.environ['LAUNCHED']") == repr("[{}, [0, 2, 4]]")
        assert kernel.main.result("import sys; get_ipython().timeout") == "7.0"
    assert read(write_kernel_spec(user=True, name="launched"))
    assert not (folder / "launcher.py").exists()


def test_a_script_is_copied_and_starts_the_kernel(tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text(
        "import os\nfrom async_kernel.interface import launch_interface\n"
        "os.environ['LAUNCHED'] = __name__\nlaunch_interface({'AsyncInteractiveShell.timeout': 9})\n"
    )
    write_kernel_spec(user=True, name="scripted", launcher=source)
    source.unlink()
    with start_kernel(TCP, tmp_path, name="scripted") as kernel:
        assert kernel.main.result("import os; os.environ['LAUNCHED']") == repr("__main__")
        assert kernel.main.result("get_ipython().timeout") == "9.0"


def test_a_dotted_path_starts_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "company.py").write_text(
        "from async_kernel.interface import launch_interface\n"
        "def launch(settings):\n    launch_interface({**settings, 'timeout': 11})\n"
    )
    write_kernel_spec(user=True, name="dotted", launcher="company.launch", env={"PYTHONPATH": str(tmp_path)})
    with start_kernel(TCP, tmp_path, name="dotted") as kernel:
        assert kernel.main.result("get_ipython().timeout") == "11.0"


def test_files_beside_the_notebook_do_not_hinder_the_start(tmp_path: Path) -> None:
    for name in ("json", "traitlets", "random", "async_kernel"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    (tmp_path / "helper.py").write_text("number = 5")
    write_kernel_spec(user=True, name="safe")
    with start_kernel(TCP, tmp_path, name="safe", cwd=str(tmp_path)) as kernel:
        assert kernel.main.result("import helper; helper.number") == "5"


@pytest.mark.parametrize(
    "place", ["bin/async-kernel", "Scripts/async-kernel.exe", "Python311/Scripts/async-kernel.exe"]
)
def test_the_command_is_found_in_every_layout(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "root [1]" / "share/jupyter/kernels/async"
    folder.mkdir(parents=True)
    command = touch(tmp_path / "root [1]" / place)
    find = script(RESOURCES)["find_command"]
    assert Path(find(str(folder))) == command
    linked = tmp_path / "elsewhere/a/b/c/async"
    linked.parent.mkdir(parents=True)
    linked.symlink_to(folder)
    assert Path(find(str(linked))) == command
    command.unlink()
    assert find(str(folder)) is None


def test_a_spec_whose_files_are_links_belongs_to_where_the_links_are(tmp_path: Path) -> None:
    cache = tmp_path / "cache/share/jupyter/kernels/async"
    cache.mkdir(parents=True)
    touch(tmp_path / "cache/bin/async-kernel")
    folder = tmp_path / "env/share/jupyter/kernels/async"
    folder.parent.mkdir(parents=True)
    folder.symlink_to(cache)
    command = touch(tmp_path / "env/bin/async-kernel")
    assert Path(script(RESOURCES)["find_command"](str(folder))) == command


def test_a_copy_of_the_wheels_spec_says_what_to_do_instead(tmp_path: Path) -> None:
    copy = tmp_path / "a/b/c/d/start.py"
    copy.parent.mkdir(parents=True)
    copy.write_text((RESOURCES / "start.py").read_text())
    command = [sys.executable, "-I", "-S", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Was that folder copied? In the environment of the kernel run `async-kernel install --user`" in done.stderr
    broken = touch(tmp_path / "bin/async-kernel")
    broken.write_text("#!/there/is/no/python\n")
    broken.chmod(0o755)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "does not start, its interpreter may have gone" in done.stderr
    assert "Traceback" not in done.stderr
