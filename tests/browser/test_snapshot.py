"""The start from the memory snapshot: that it happens, what is restored, and what if there is none that fits."""

from __future__ import annotations

import base64
import gzip
import json
import re
from contextlib import ExitStack
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect

from browser.servers import ROOT, Overlay, SiteServer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from playwright.sync_api import Locator

    from browser.chromium import LabMaker, OpenLab
    from browser.documents import Notebook
    from browser.lab import Lab

Changes = dict[str, bytes | None]
"""What files of the snapshot become, None for those that are missing."""

STATIC = "extensions/async-kernel-lite/static"
WITHOUT = "Python starts without the site's snapshot, which takes longer: "


@pytest.fixture(autouse=True)
def _snapshot(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--without-snapshot"):
        pytest.skip("these tests are about the snapshot, which is off")


@pytest.fixture
def notebook(shared_notebook: Notebook) -> Notebook:
    shared_notebook.activate()
    return shared_notebook


@pytest.fixture
def own_lab(serve: Callable[..., str], empty_lab: OpenLab, overlay: Overlay) -> Lab:
    """A page of a site that `overlay` changes."""
    lab = empty_lab(serve(overlay=overlay.folder))
    lab.open()
    return lab


def values(notebook: Notebook, code: str) -> Any:
    """What the code prints, as JSON."""
    return json.loads("\n".join(notebook.run(code).lines))


def log_of(notebook: Notebook) -> Locator:
    """The log console, with what the notebook's kernel has logged."""
    panel = notebook.lab.page.locator(".jp-LogConsolePanel")
    if panel.count() == 0:
        notebook.command("logconsole:open")
    notebook.activate()
    return panel


class Requests:
    """What a page has asked its server for: bytes sent by path."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def take(self) -> dict[str, int]:
        """Those since the last call."""
        lines = [line.split(" ", 2) for line in self._log.read_text().splitlines()]
        self._log.write_text("")
        return {path: int(size) for _, size, path in lines}


@pytest.fixture
def requests(tmp_path: Path) -> Requests:
    log = tmp_path / "requests"
    log.write_text("")
    return Requests(log)


def is_image(path: str) -> bool:
    return re.search(r"/snapshot/memory-\w+\.bin$", path) is not None


def test_a_kernel_starts_from_the_snapshot_alone_and_a_second_loads_nothing_again(
    serve: Callable[..., str], empty_lab: OpenLab, overlay: Overlay, site: Path, tmp_path: Path, requests: Requests
) -> None:
    lab = empty_lab(serve(overlay=overlay.folder, log=tmp_path / "requests"))
    lab.open()
    notebook = lab.new_notebook()
    expect(notebook.run("6 * 7").result).to_have_text("42")
    first = requests.take()
    assert [size for path, size in first.items() if is_image(path)] != [0]
    assert not [path for path in first if re.search("/(ipython|traitlets|parso)-", path)]
    second = lab.new_notebook()
    expect(second.run("6 * 7").result).to_have_text("42")
    assert not {path: size for path, size in requests.take().items() if size and STATIC in path}
    lab.open(f"{lab.home}?reset")
    third = lab.new_notebook()
    expect(third.run("6 * 7").result).to_have_text("42")
    assert not {path: size for path, size in requests.take().items() if size and STATIC in path}

    # a new deployment: another image, here the same one packed otherwise
    description = f"{STATIC}/snapshot/snapshot.json"
    content = json.loads((site / description).read_bytes())
    image = gzip.compress(gzip.decompress((site / STATIC / "snapshot" / content["image"]["file"]).read_bytes()), 1)
    content["image"] |= {"file": "memory-new.bin", "size": len(image), "sha256": sha256(image).hexdigest()}
    renamed = f"{STATIC}/snapshot/memory-new.bin"
    overlay.replace(description, json.dumps(content).encode())
    (overlay.folder / renamed).write_bytes(image)
    lab.open(f"{lab.home}?reset")
    expect(lab.new_notebook().run("6 * 7").result).to_have_text("42")
    assert requests.take()[renamed]


def described(description: dict[str, Any], **values: Any) -> Changes:
    return {"snapshot.json": json.dumps(description | values).encode()}


def other_build(description: dict[str, Any]) -> Changes:
    head = bytearray(base64.b64decode(description["head"]))
    head[20] ^= 1
    return described(description, head=base64.b64encode(head).decode())


def other_image(description: dict[str, Any], content: bytes | None) -> Changes:
    """Under a name of its own: the good one may be taken from the cache at any time."""
    image = description["image"] | {"file": "memory-other.bin", "sha256": sha256(content or b"").hexdigest()}
    changes = described(description, image=image)
    return changes if content is None else {image["file"]: content, **changes}


def damaged(image: bytes) -> bytes:
    middle = len(image) // 2
    return image[:middle] + bytes(1000) + image[middle + 1000 :]


NO_MEMORY = b"""\
const grow = WebAssembly.Memory.prototype.grow;
WebAssembly.Memory.prototype.grow = () => {
  WebAssembly.Memory.prototype.grow = grow;
  throw new RangeError("there is no memory, in this test");
};
"""


DAMAGES: dict[str, Callable[[dict[str, Any], bytes], Changes]] = {
    "corrupt": lambda description, image: other_image(description, damaged(image)),
    "truncated": lambda description, image: other_image(description, image[: len(image) // 2]),
    "missing": lambda description, _: other_image(description, None),
    "not described": lambda _, __: {"snapshot.json": None},
    "no description": lambda _, __: {"snapshot.json": b"<html>"},
    "other format": lambda description, _: described(description, format=2),
    "other build": lambda description, _: other_build(description),
    "other wheels": lambda description, _: described(description, wheels=["0" * 64]),
    "without JSPI": lambda description, _: described(description, jspi=False),
}


REASONS = {
    "corrupt": "not valid",
    "truncated": "truncated",
    "missing": r"memory-other\.bin answered 404",
    "not described": r"snapshot\.json answered 404",
    "no description": r"snapshot\.json is not JSON",
    "other format": r"snapshot\.json does not describe a snapshot",
    "other build": "it was made with another Pyodide",
    "other wheels": "it was made with other wheels",
    "without JSPI": "it was made without JSPI",
}
"""What the log says."""


@pytest.fixture(scope="module")
def damaged_site(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[SiteServer, Overlay]]:
    """A site that tests damage and mend, one after another, with one page."""
    overlay = Overlay(tmp_path_factory.mktemp("overlay"), site)
    overlay.plugin_settings({"preload": False})  # the page would load the snapshot before it is damaged
    with SiteServer(site, overlay=overlay.folder) as server:
        yield server, overlay


@pytest.fixture(scope="module")
def damaged_lab(damaged_site: tuple[SiteServer, Overlay], lab_maker: LabMaker) -> Generator[Lab]:
    with ExitStack() as stack:
        lab = lab_maker(stack, damaged_site[0].url)
        lab.open()
        yield lab


@pytest.mark.parametrize("damage", DAMAGES)
def test_without_a_snapshot_that_fits_the_kernel_starts_and_says_why(
    damaged_lab: Lab, damaged_site: tuple[SiteServer, Overlay], damage: str, site: Path
) -> None:
    overlay = damaged_site[1]
    folder = f"{STATIC}/snapshot"
    description = json.loads((site / folder / "snapshot.json").read_bytes())
    image = overlay.find(f"{folder}/memory-*.bin")
    changes = DAMAGES[damage](description, (site / image).read_bytes())
    for name, content in changes.items():
        path = f"{folder}/{name}"
        if content is None:
            overlay.remove(path)
        else:
            (overlay.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (overlay.folder / path).write_bytes(content)
    notebook = damaged_lab.new_notebook()
    expect(notebook.run("6 * 7").result).to_have_text("42")
    expect(log_of(notebook)).to_have_text(re.compile(f"{WITHOUT}[^\n]*{REASONS[damage]}"))
    notebook.shut_down()
    notebook.command("application:close")
    damaged_lab.accept("Discard")
    for name in changes:
        overlay.restore(f"{folder}/{name}")


def test_without_memory_for_the_snapshot_the_kernel_starts_and_says_why(
    own_lab: Lab, overlay: Overlay, site: Path
) -> None:
    worker = f"{STATIC}/worker.mjs"
    overlay.replace(worker, NO_MEMORY + (site / worker).read_bytes())
    own_lab.open(f"{own_lab.home}?reset")
    notebook = own_lab.new_notebook()
    expect(notebook.run("6 * 7").result).to_have_text("42")
    expect(log_of(notebook)).to_have_text(re.compile(f"{WITHOUT}.*there is no memory for its", re.DOTALL))


def test_a_site_can_do_without(serve: Callable[..., str], empty_lab: OpenLab, overlay: Overlay) -> None:
    overlay.plugin_settings({"snapshotUrl": ""})
    lab = empty_lab(serve(overlay=overlay.folder))
    requested: list[str] = []
    lab.page.context.on("request", lambda request: requested.append(request.url))
    lab.open()
    notebook = lab.new_notebook()
    expect(notebook.run("6 * 7").result).to_have_text("42")
    notebook.run("get_ipython().kernel.log.warning('logged last')")
    expect(log_of(notebook)).to_contain_text("logged last")
    expect(log_of(notebook)).not_to_contain_text(WITHOUT)
    assert any("/ipython-" in url for url in requested)
    assert not any("/snapshot/" in url for url in requested)


def test_no_two_kernels_draw_the_same(lab: Lab) -> None:
    code = (
        "import json, random, tempfile, uuid\n"
        "print(json.dumps([random.random(), tempfile.mktemp(), uuid.uuid1().node, uuid.uuid4().hex,"
        " random.Random().random(), get_ipython().kernel.get_parent()['header']['session']]))"
    )
    one, other = (values(lab.new_notebook(), code) for _ in range(2))
    assert not [pair for pair in zip(one, other, strict=True) if pair[0] == pair[1]]


def test_the_process_is_the_visitors(empty_lab: OpenLab) -> None:
    lab = empty_lab(locale="de-DE", timezone_id="Asia/Tokyo")
    lab.open()
    code = (
        "import json, os, sys, time\n"
        "offset = time.localtime().tm_gmtoff\n"
        "print(json.dumps({'zone': [time.timezone, offset, time.daylight, *time.tzname], 'lang': os.environ['LANG'],"
        " 'home': os.environ['HOME'], 'path': sys.path.count(''), 'cwd': os.getcwd(),"
        " 'year': time.localtime().tm_year}))"
    )
    found = values(lab.new_notebook(), code)
    year = lab.page.evaluate("new Date().getFullYear()")
    assert found == {
        "zone": [-9 * 3600, 9 * 3600, 0, "UTC+0900", "UTC+0900"],
        "lang": "de_DE.UTF-8",
        "home": "/home/pyodide",
        "path": 1,
        "cwd": "/drive",
        "year": year,
    }


def test_modules_that_are_not_in_the_snapshot_are_imported(notebook: Notebook) -> None:
    cell = notebook.run(
        "import tabnanny, xml.dom.minidom, prompt_toolkit, wcwidth\n"
        "from importlib.metadata import version\n"
        "version('prompt-toolkit') == prompt_toolkit.__version__, xml.dom.minidom.parseString('<a/>').toxml()"
    )
    expect(cell.result).to_contain_text("(True, '<?xml version=\"1.0\" ?><a/>')")


def test_sources_are_there(notebook: Notebook) -> None:
    cell = notebook.run("import inspect, traitlets\nprint(inspect.getsource(traitlets.HasTraits)[:16])")
    cell.printed(["class HasTraits("])


def test_jedi_completes_right_after_the_start(lab: Lab) -> None:
    notebook = lab.new_notebook()
    notebook.type("import tabnanny\ntabnanny.check")
    expect(notebook.complete().filter(has_text="check").first).to_be_visible()


def test_pip_installs_pure_and_compiled_wheels(serve: Callable[..., str], empty_lab: OpenLab, overlay: Overlay) -> None:
    pure = overlay.folder / "made_here-1.0-py3-none-any.whl"
    with ZipFile(pure, "w") as wheel:
        wheel.writestr("made_here.py", "name = 'made here'\n")
        wheel.writestr("made_here-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: made-here\nVersion: 1.0\n")
        wheel.writestr(
            "made_here-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("made_here-1.0.dist-info/RECORD", "made_here.py,,\n")
    (compiled,) = (ROOT / "tests" / "_wheels").glob("msgspec-*.whl")
    (overlay.folder / compiled.name).write_bytes(compiled.read_bytes())
    lab = empty_lab(serve(overlay=overlay.folder))
    lab.open()
    notebook = lab.new_notebook()
    cell = notebook.run(f"%pip install -q {lab.url}{compiled.name}\nimport msgspec\nmsgspec.json.encode([1])")
    expect(cell.result).to_have_text("b'[1]'")
    cell = notebook.run(f"%pip install {lab.url}{pure.name}\nimport made_here\nmade_here.name")
    cell.shows("Successfully installed made-here-1.0")
    expect(cell.result).to_have_text("'made here'")
    notebook.run("%pip list").shows("made-here")
    notebook.run("%pip uninstall -y made-here").shows("made-here")
    notebook.run("%pip frobnicate").shows("invalid choice: 'frobnicate'")
