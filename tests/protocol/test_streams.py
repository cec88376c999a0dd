"""Section "Streams (stdout, stderr, etc)"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from protocol.client import outputs

if TYPE_CHECKING:
    from protocol.client import ProtocolClient
    from protocol.conftest import RunNow

pytestmark = pytest.mark.anyio


async def test_print(client: ProtocolClient) -> None:
    done = await client.execute("print('hello')")
    assert [m["content"] for m in done.of_type("stream")] == [{"name": "stdout", "text": "hello\n"}]
    assert done.of_type("stream")[0]["parent_header"] == done.request["header"]


async def test_multi_line(client: ProtocolClient) -> None:
    done = await client.execute("print('a\\nb')\nprint('c', end='')\nprint('d', 'e', sep='-')")
    assert done.text() == "a\nb\ncd-e\n"


async def test_stderr(client: ProtocolClient) -> None:
    done = await client.execute("import sys\nprint('oh', file=sys.stderr)")
    assert [m["content"] for m in done.of_type("stream")] == [{"name": "stderr", "text": "oh\n"}]


async def test_order_of_streams_and_displays(client: ProtocolClient) -> None:
    done = await client.execute(
        "import sys\n"
        "for i in range(3):\n"
        "    print('out', i)\n"
        "    print('err', i, file=sys.stderr)\n"
        "    display(i)\n"
        "    print('no newline', end='')\n"
        "    print('error, no newline', end='', file=sys.stderr)\n"
        "'result'"
    )
    expected = []
    for i in range(3):
        before = [("stdout", f"out {i}\n"), ("stderr", f"err {i}\n"), ("display_data", str(i))]
        expected += [*before, ("stdout", "no newline"), ("stderr", "error, no newline")]
    assert outputs(done) == [*expected, ("execute_result", "'result'")]


async def test_order_of_a_flood(client: ProtocolClient) -> None:
    done = await client.execute("for i in range(20_000): print(i)")
    assert done.text() == "".join(f"{i}\n" for i in range(20_000))
    assert len(done.of_type("stream")) < 2_000, "a flood of lines is few messages"


async def test_output_comes_before_the_reply(client: ProtocolClient) -> None:
    done = await client.execute("for i in range(500): print(i, end=' ')")
    kinds = [m["header"]["msg_type"] for m in done.messages]
    assert kinds[-2:] == ["execute_reply", "status"]
    assert done.text() == "".join(f"{i} " for i in range(500))


async def test_a_line_without_newline_is_sent_while_the_cell_runs(client: ProtocolClient, run_now: RunNow) -> None:
    request = client.start("import anyio\ngo_on = anyio.Event()\nprint('half a line', end='')\nawait go_on.wait()")
    await client.wait_text(request, "half a line")
    assert not client.exchange(request).of_type("execute_reply")
    await run_now("go_on.set()")
    assert (await client.wait_idle(request)).content["status"] == "ok"


async def test_lines_are_not_torn(client: ProtocolClient) -> None:
    """While a cell prints, the kernel sends what has waited and listens, also between two pieces of a line."""
    done = await client.execute("for number in range(20_000): print(number, 'of', 'many')")
    texts = [m["content"]["text"] for m in done.of_type("stream")]
    assert [text for text in texts if not text.endswith("\n")] == []
    assert "".join(texts) == "".join(f"{number} of many\n" for number in range(20_000))


async def test_every_way_to_write(client: ProtocolClient) -> None:
    done = await client.execute(
        "import sys\n"
        "sys.stdout.write('one\\n')\n"
        "sys.stdout.writelines(['two\\n', 'three\\n'])\n"
        "sys.stdout.buffer.write('fünf\\n'.encode())\n"
        "print('six', flush=True)"
    )
    assert done.text() == "one\ntwo\nthree\nfünf\nsix\n"


async def test_carriage_returns_and_escapes_arrive_as_written(client: ProtocolClient) -> None:
    text = "10%\r20%\r\x1b[31mred\x1b[0m\x08\t\x00end"
    done = await client.execute(f"print({text!r})")
    assert done.text() == text + "\n"


async def test_redirected_and_captured_output_is_not_sent(client: ProtocolClient) -> None:
    done = await client.execute(
        "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as f:\n    print('kept')\nf.getvalue()"
    )
    assert outputs(done) == [("execute_result", "'kept\\n'")]
    done = await client.execute("%%capture taken\nprint('taken')\ndisplay(1)")
    assert outputs(done) == []
    done = await client.execute("taken.stdout, len(taken.outputs)")
    assert outputs(done) == [("execute_result", "('taken\\n', 1)")]


@pytest.mark.parametrize("text", ["🐍", "a\U0001d4b3b", "\U0010ffff", "日本語", "e\u0301", "\u202e"])
async def test_unicode(client: ProtocolClient, text: str) -> None:
    done = await client.execute(f"print('{text}')\n'{text}'")
    assert done.text() == text + "\n"
    assert done.of_type("execute_input")[0]["content"]["code"] == f"print('{text}')\n'{text}'"


async def test_lone_surrogates_do_not_break_the_stream(client: ProtocolClient) -> None:
    done = await client.execute("print('a\\ud83d', 'b')\nprint('after')")
    assert done.content["status"] == "ok"
    text = done.text()
    assert text.startswith("a")
    assert text.endswith("b\nafter\n")


async def test_text_of_several_megabytes(client: ProtocolClient) -> None:
    done = await client.execute("print('x' * 6_000_000 + 'end')")
    assert done.text() == "x" * 6_000_000 + "end\n"


async def test_write_takes_text_only(client: ProtocolClient) -> None:
    done = await client.execute("import sys\nprint('before', end='')\nsys.stdout.write(b'bytes')")
    assert done.text() == "before"
    assert done.content["ename"] == "TypeError"
    assert "str" in done.content["evalue"]


async def test_properties_that_libraries_read(client: ProtocolClient) -> None:
    values = await client.values(
        tty="__import__('sys').stdout.isatty()",
        encoding="__import__('sys').stdout.encoding.lower()",
        writable="__import__('sys').stdout.writable()",
        name="__import__('sys').stderr.name",
        closed="__import__('sys').stdout.closed",
    )
    assert values == {
        "tty": False,
        "encoding": "utf-8",
        "writable": True,
        "name": "<stderr>",
        "closed": False,
    }


async def test_closing_stdout_does_not_silence_the_kernel(client: ProtocolClient) -> None:
    await client.execute("import sys\nsys.stdout.close()")
    done = await client.execute("print('still here')")
    assert done.text() == "still here\n"
