"""Files beside the notebook: Python and the file browser see the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from browser.listening import WORKER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from browser.chromium import OpenLab
    from browser.documents import Notebook
    from browser.lab import Lab
    from browser.servers import Overlay


@pytest.fixture
def notebook(shared_notebook: Notebook) -> Notebook:
    shared_notebook.activate()
    return shared_notebook


def test_what_python_writes_is_in_the_file_browser(shared_lab: Lab, notebook: Notebook) -> None:
    notebook.run(
        "from pathlib import Path\n"
        "Path('written.txt').write_text('a text: äöü 😀\\n' * 3)\n"
        "Path('bytes.bin').write_bytes(bytes(range(256)) * 4000)\n"
        "Path('made').mkdir()\n"
        "Path('made/inside.txt').write_text('inside')"
    )
    for name in ("written.txt", "bytes.bin", "made"):
        expect(shared_lab.file(name)).to_be_visible()
    assert shared_lab.read_text("written.txt") == "a text: äöü 😀\n" * 3
    assert shared_lab.read_bytes("bytes.bin") == bytes(range(256)) * 4000
    assert shared_lab.read_text("made/inside.txt") == "inside"

    shared_lab.file("written.txt").dblclick()
    expect(shared_lab.page.locator(".jp-FileEditor:visible .cm-line").first).to_have_text("a text: äöü 😀")
    notebook.activate()

    notebook.run("Path('written.txt').rename('renamed.txt')\nPath('bytes.bin').unlink()")
    expect(shared_lab.file("renamed.txt")).to_be_visible()
    expect(shared_lab.file("written.txt")).to_have_count(0)
    expect(shared_lab.file("bytes.bin")).to_have_count(0)
    assert shared_lab.read_text("renamed.txt") == "a text: äöü 😀\n" * 3


def test_what_the_page_writes_python_reads_at_once(shared_lab: Lab, notebook: Notebook) -> None:
    notebook.run("import os\nfrom pathlib import Path")
    shared_lab.write_file("uploaded.txt", "first")
    expect(notebook.run("Path('uploaded.txt').read_text()").result).to_have_text("'first'")
    shared_lab.write_file("uploaded.txt", "second: äöü 😀")
    expect(notebook.run("Path('uploaded.txt').read_text()").result).to_have_text("'second: äöü 😀'")
    expect(notebook.run("os.path.getsize('uploaded.txt')").result).to_have_text(str(len("second: äöü 😀".encode())))
    shared_lab.delete_file("uploaded.txt")
    expect(notebook.run("Path('uploaded.txt').exists()").result).to_have_text("False")
    shared_lab.make_folder("folder")
    shared_lab.write_file("folder/deep.txt", "deep")
    expect(notebook.run("os.listdir('folder'), Path('folder', 'deep.txt').read_text()").result).to_have_text(
        "(['deep.txt'], 'deep')"
    )


def test_a_file_made_and_edited_by_hand_is_read_by_python(shared_lab: Lab, notebook: Notebook) -> None:
    shared_lab.do("docmanager:new-untitled", type="file", path="", ext="txt")
    shared_lab.file("untitled.txt").dblclick()
    shared_lab.page.locator(".jp-FileEditor:visible .cm-content").click()
    shared_lab.page.keyboard.insert_text("typed by hand")
    shared_lab.page.keyboard.press("Control+s")
    expect(shared_lab.page.locator(".lm-TabBar-tab.jp-mod-dirty").filter(has_text="untitled.txt")).to_have_count(0)
    notebook.activate()
    expect(notebook.run("open('untitled.txt').read()").result).to_have_text("'typed by hand'")


def test_what_is_not_there_raises_the_usual_errors(shared_lab: Lab, notebook: Notebook) -> None:
    expect(notebook.run("open('nothing.txt')").error).to_contain_text("FileNotFoundError: [Errno 44]")
    shared_lab.write_file("vanishes.txt", "here")
    notebook.run("from pathlib import Path\nPath('vanishes.txt').stat()")
    shared_lab.delete_file("vanishes.txt")
    for call in ("read_text()", "stat()", "unlink()", "rename('other.txt')"):
        expect(notebook.run(f"Path('vanishes.txt').{call}").error).to_contain_text("FileNotFoundError")


def test_a_folder_with_files_is_not_removed(shared_lab: Lab, notebook: Notebook) -> None:
    notebook.run("import os, shutil\nos.makedirs('full/of')\nopen('full/of/it.txt', 'w').write('kept')")
    expect(notebook.run("os.rmdir('full')").error).to_contain_text("OSError: [Errno 55]")
    assert shared_lab.read_text("full/of/it.txt") == "kept"
    notebook.run("shutil.rmtree('full')")
    expect(shared_lab.file("full")).to_have_count(0)


def test_archives_databases_and_walks(shared_lab: Lab, notebook: Notebook) -> None:
    made = notebook.run(
        "import os, sqlite3, zipfile\nfrom pathlib import Path\n"
        "os.makedirs('tree/inner')\nPath('tree/a.txt').write_text('a')\nPath('tree/inner/b.txt').write_text('b')\n"
        "paths = [Path(folder, name) for folder, _, names in os.walk('tree') for name in sorted(names)]\n"
        "with zipfile.ZipFile('tree.zip', 'w', zipfile.ZIP_DEFLATED) as archive:\n"
        "    for path in paths:\n        archive.write(path)\n"
        "with zipfile.ZipFile('tree.zip') as archive:\n    archive.extractall('again')\n"
        "print([str(path) for path in sorted(Path('again').rglob('*.txt'))])"
    )
    assert made.lines == ["['again/tree/a.txt', 'again/tree/inner/b.txt']"]
    assert shared_lab.read_text("again/tree/inner/b.txt") == "b"
    database = "with sqlite3.connect('table.db') as database:\n    "
    notebook.run(f"{database}database.execute('CREATE TABLE t (n INTEGER)')\ndatabase.close()")
    notebook.run(f"{database}database.executemany('INSERT INTO t VALUES (?)', [(n,) for n in range(1000)])")
    notebook.run("database.close()")
    assert notebook.run(f"{database}print(database.execute('SELECT sum(n) FROM t').fetchone())").lines == ["(499500,)"]
    assert shared_lab.read_bytes("table.db")[:15] == b"SQLite format 3"


def test_modules_beside_the_notebook_are_imported(shared_lab: Lab, notebook: Notebook) -> None:
    shared_lab.write_file("beside.py", "def answer():\n    return 'first version'\n")
    expect(notebook.run("import beside\nbeside.answer()").result).to_have_text("'first version'")
    expect(notebook.run("import package_beside").error).to_contain_text("ModuleNotFoundError")
    shared_lab.make_folder("package_beside")
    shared_lab.write_file("package_beside/__init__.py", "from .inner import value\n")
    shared_lab.write_file("package_beside/inner.py", "value = 'from a package'\n")
    expect(notebook.run("import package_beside\npackage_beside.value").result).to_have_text("'from a package'")
    shared_lab.write_file("beside.py", "def answer():\n    return 'the second version'\n")
    expect(notebook.run("import importlib\nimportlib.reload(beside).answer()").result).to_have_text(
        "'the second version'"
    )


def test_a_notebook_in_a_folder_works_in_that_folder(shared_lab: Lab, notebook: Notebook) -> None:
    shared_lab.make_folder("sub")
    shared_lab.make_folder("sub/mit Umlaut ä")
    shared_lab.write_file("sub/mit Umlaut ä/neighbour.py", "where = 'beside'\n")
    shared_lab.write_notebook(
        "sub/mit Umlaut ä/inner.ipynb",
        ["import os, neighbour\nopen('from_inner.txt', 'w').write('here')\nos.getcwd(), neighbour.where"],
    )
    inner = shared_lab.open_notebook("sub/mit Umlaut ä/inner.ipynb")
    inner.run_all()
    expect(inner.cell(0).result).to_have_text("('/drive/sub/mit Umlaut ä', 'beside')")
    assert shared_lab.read_text("sub/mit Umlaut ä/from_inner.txt") == "here"
    expect(notebook.run("import os\nos.getcwd()").result).to_have_text("'/drive'")


def test_a_restart_leaves_the_files(shared_lab: Lab, notebook: Notebook) -> None:
    notebook.run("open('before.txt', 'w').write('before')")
    notebook.restart()
    expect(notebook.run("open('before.txt').read()").result).to_have_text("'before'")


def test_the_start_asks_nothing_of_the_drive(
    request: pytest.FixtureRequest, serve: Callable[..., str], empty_lab: OpenLab, overlay: Overlay, site: Path
) -> None:
    """JupyterLite reads all files, contents included, to answer what is in a folder: seconds, with large ones."""
    if request.config.getoption("--without-snapshot"):
        pytest.skip("what is not in the snapshot is imported by the first cell, which looks beside the notebook first")
    worker = overlay.find(WORKER)
    tells = b"{ const { send } = XMLHttpRequest.prototype; XMLHttpRequest.prototype.send = function (body) {"
    tells += b" console.log(`asked ${body}`); return send.call(this, body); }; }\n"
    overlay.replace(worker, tells + (site / worker).read_bytes())
    lab = empty_lab(serve(overlay=overlay.folder))
    asked: list[str] = []
    lab.page.on("console", lambda message: asked.append(message.text) if message.text.startswith("asked") else None)
    lab.open()
    notebook = lab.new_notebook()
    expect(notebook.run("6 * 7").result).to_have_text("42")
    assert asked == []
    assert notebook.run("import os\nprint(os.listdir())").lines
    assert asked != []


def test_without_a_service_worker_files_are_in_memory_and_that_is_said_once(empty_lab: OpenLab) -> None:
    lab = empty_lab(service_workers="block")
    lab.open()
    notebook = lab.new_notebook()
    code = "from pathlib import Path\nPath('kept.txt').write_text('in memory')\nprint(Path('kept.txt').read_text())"
    assert notebook.run(code).lines == ["in memory"]
    notebook.run("import csv, wave\nopen('more.txt', 'w').close()")
    notebook.command("logconsole:open")
    expect(lab.page.locator(".jp-LogConsolePanel").get_by_text("The files beside the notebook")).to_have_count(1)
