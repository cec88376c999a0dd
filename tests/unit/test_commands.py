"""The commands that `!` has in the browser: what they print and do to files, and what they say of their limits."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from async_kernel.shell._command_line import COMMANDS, CommandLine

if TYPE_CHECKING:
    from pathlib import Path

output = CommandLine(COMMANDS).output


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.txt").write_text("one\ntwo\nthree\n")
    (tmp_path / ".hidden").touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.txt").write_text("b")
    return tmp_path


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ls", "a.txt\nsub\n"),
        ("ls -a", ".hidden\na.txt\nsub\n"),
        ("ls -F -G --color", "a.txt\nsub/\n"),
        ("ls sub", "b.txt\n"),
        ("ls *.txt sub/*", "a.txt\nsub/b.txt\n"),
        ("ls 'no such'", "ls: cannot access 'no such': No such file or directory\n"),
        ("cat a.txt sub/b.txt", "one\ntwo\nthree\nb"),
        ("head -n 1 a.txt", "one\n"),
        ("head -2 a.txt", "one\ntwo\n"),
        ("tail -n1 a.txt", "three\n"),
        ("wc -l a.txt", "3 a.txt\n"),
        ("echo 'a  b' c", "a  b c\n"),
        ("echo -n x; echo y", "xy\n"),
        ("echo $HOME ~", "{home} {home}\n"),
        ("echo hello > x.txt && cat x.txt", "hello\n"),
        ("echo 1 > x.txt && echo 2 >> x.txt && cat x.txt", "1\n2\n"),
        ("pwd", "{home}\n"),
        ("cat nothing && echo not", "cat: nothing: No such file or directory\n"),
        ("cat nothing; echo so", "cat: nothing: No such file or directory\nso\n"),
        ("mkdir -p d/e && touch d/e/f && ls -R d", "d:\ne\n\nd/e:\nf\n"),
        ("cp a.txt sub && ls sub", "a.txt\nb.txt\n"),
        ("cp sub copy", "cp: -r not specified; omitting directory 'sub'\n"),
        ("cp -r sub copy && ls copy", "b.txt\n"),
        ("cp a.txt n.txt && ls *.txt", "a.txt\nn.txt\n"),
        ("mv a.txt z.txt && ls", "sub\nz.txt\n"),
        ("rm sub", "rm: cannot remove 'sub': Is a directory\n"),
        ("rm -rf sub nothing && ls", "a.txt\n"),
        ("rm nothing", "rm: nothing: No such file or directory\n"),
        ("rmdir sub", "rmdir: sub: Directory not empty\n"),
        ("ls -Z", "ls: unrecognized arguments: -Z\n"),
        ("cd sub", "cd: it would change nothing for the next line, as in a shell of its own: use %cd\n"),
        ("echo 'open", "echo 'open: No closing quotation\n"),
        ("", ""),
    ],
)
async def test_commands(line: str, expected: str, folder: Path):
    text, _ = await output(line)
    assert text == expected.format(home=folder)


@pytest.mark.anyio
@pytest.mark.parametrize("line", ["git clone x", "make", "python -c 1"])
async def test_other_commands_say_that_there_is_no_shell(line: str):
    text, code = await output(line)
    assert text.startswith(
        f"{line.split(maxsplit=1)[0]}: there is no shell in the browser. Of its commands there are cat, cd,"
    )
    assert code == 127


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("line", "token"), [("ls | wc", "|"), ("cat < a.txt", "<"), ("ls &", "&"), ("(ls)", "("), ("ls || ls", "||")]
)
async def test_what_only_a_shell_can_do_is_said(line: str, token: str):
    text, code = await output(line)
    assert f"there is no shell in the browser, which {token} needs" in text
    assert code == 2


@pytest.mark.anyio
async def test_variables_are_set_by_magic():
    assert "use %env A=1" in (await output("A=1 ls"))[0]


@pytest.mark.anyio
async def test_unzip(folder: Path):
    with zipfile.ZipFile("z.zip", "w") as archive:
        archive.writestr("in/side.txt", "side")
    assert (await output("unzip -q z.zip -d out && cat out/in/side.txt"))[0] == "side"
    assert (await output("unzip a.txt"))[0] == "unzip: a.txt: File is not a zip file\n"


@pytest.mark.anyio
async def test_the_long_list_has_sizes(folder: Path):
    (line,) = (await output("ls -lh a.txt"))[0].splitlines()
    assert line.startswith("-rw")
    assert line.split()[2] == "14"
    assert line.endswith(" a.txt")
