"""Section "Execution errors": what a cell that fails shows, and where it says the error is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from protocol.client import outputs, plain

if TYPE_CHECKING:
    from async_kernel.testing import Exchange
    from protocol.client import ProtocolClient
    from protocol.transports import Transport

pytestmark = pytest.mark.anyio


def traceback(done: Exchange) -> str:
    """The traceback that was shown, without colours."""
    (error,) = done.of_type("error")
    return plain("\n".join(error["content"]["traceback"]))


async def test_error_message_and_reply_say_the_same(client: ProtocolClient) -> None:
    done = await client.execute("1 / 0")
    (error,) = done.of_type("error")
    assert error["content"]["ename"] == "ZeroDivisionError"
    assert error["content"]["evalue"] == "division by zero"
    assert {k: done.content[k] for k in ("ename", "evalue", "traceback")} == error["content"]
    assert done.content["status"] == "error"
    assert done.content["execution_count"] == done.of_type("execute_input")[0]["content"]["execution_count"]


async def test_line_of_the_cell(client: ProtocolClient) -> None:
    done = await client.execute("x = 1\n\nraise ValueError('third line')\n")
    shown = traceback(done)
    assert f"Cell In[{done.content['execution_count']}], line 3" in shown
    assert "----> 3 raise ValueError('third line')" in shown
    assert shown.endswith("ValueError: third line")
    assert "async_kernel" not in shown


async def test_line_after_await(client: ProtocolClient) -> None:
    done = await client.execute("import anyio\nawait anyio.sleep(0)\n\nraise ValueError('fourth line')\n")
    shown = traceback(done)
    assert f"Cell In[{done.content['execution_count']}], line 4" in shown
    assert "----> 4 raise ValueError('fourth line')" in shown
    assert "async_kernel" not in shown


async def test_lines_of_functions_from_earlier_cells(client: ProtocolClient) -> None:
    outer = await client.execute("# a comment\ndef outer(f):\n    return f()\n")
    inner = await client.execute("def inner():\n    x = 0\n    y = 1\n    return y / x\n")
    done = await client.execute("'a line'\nouter(inner)")
    shown = traceback(done)
    places = re.findall(r"Cell In\[(\d+)\], line (\d+)", shown)
    assert places == [
        (str(done.content["execution_count"]), "2"),
        (str(outer.content["execution_count"]), "3"),
        (str(inner.content["execution_count"]), "4"),
    ]
    assert "----> 4 return y / x" in shown


async def test_lines_of_async_functions_from_earlier_cells(client: ProtocolClient) -> None:
    earlier = await client.execute("async def later():\n    await anyio.sleep(0)\n    return {}['no']\n")
    done = await client.execute("import anyio\nawait later()")
    shown = traceback(done)
    assert f"Cell In[{earlier.content['execution_count']}], line 3" in shown
    assert f"Cell In[{done.content['execution_count']}], line 2" in shown
    assert done.content["ename"] == "KeyError"


async def test_lines_below_a_magic(client: ProtocolClient) -> None:
    done = await client.execute("%pwd\n\n1 / 0")
    assert f"Cell In[{done.content['execution_count']}], line 3" in traceback(done)


@pytest.mark.parametrize(
    ("code", "ename", "line"),
    [
        ("x = 1\ny = = 2", "SyntaxError", 2),
        ("def f():\nreturn 1", "IndentationError", 2),
        ("x = 1\nprint('open", "SyntaxError", 2),
        ("x = 1\n\nreturn", "SyntaxError", 3),
        ("for x in 1:\n    pass\n  y", "IndentationError", 3),
    ],
)
async def test_syntax_error(client: ProtocolClient, code: str, ename: str, line: int) -> None:
    done = await client.execute(code)
    assert done.content["ename"] == ename
    shown = traceback(done)
    assert ename in shown
    assert re.search(rf"(line |:){line}\b", shown)
    assert "async_kernel" not in shown
    assert done.content["execution_count"] == done.of_type("execute_input")[0]["content"]["execution_count"]


async def test_syntax_error_counts_as_a_cell(client: ProtocolClient) -> None:
    first = await client.execute("= 1")
    second = await client.execute("2")
    assert second.content["execution_count"] == first.content["execution_count"] + 1


async def test_chained_errors(client: ProtocolClient) -> None:
    done = await client.execute(
        "try:\n    {}['key']\nexcept KeyError as e:\n    raise RuntimeError('the second') from e"
    )
    shown = traceback(done)
    assert shown.index("KeyError: 'key'") < shown.index("direct cause") < shown.index("RuntimeError: the second")
    assert re.findall(r"Cell In\[\d+\], line (\d+)", shown) == ["2", "4"]


async def test_exception_group(client: ProtocolClient) -> None:
    done = await client.execute(
        "def fail():\n    raise KeyError('inside')\n"
        "errors = []\n"
        "try:\n    fail()\nexcept KeyError as e:\n    errors.append(e)\n"
        "raise ExceptionGroup('two at once', [*errors, ValueError('other')])"
    )
    assert done.content["ename"] == "ExceptionGroup"
    shown = traceback(done)
    assert "two at once" in shown
    assert "KeyError: 'inside'" in shown
    assert "ValueError: other" in shown
    cell = f"Cell In[{done.content['execution_count']}], line"
    assert f"{cell} 8, in <module>" in shown
    assert f"{cell} 5, in <module>" in shown
    assert f"{cell} 2, in fail" in shown
    assert "async_kernel" not in shown


async def test_task_group_error(client: ProtocolClient, transport: Transport) -> None:
    done = await client.execute(
        f"{transport.asyncio}import asyncio\nasync def fail(): raise ValueError('in the task')\n"
        "async with asyncio.TaskGroup() as group:\n    group.create_task(fail())"
    )
    assert done.content["ename"] == "ExceptionGroup"
    assert "ValueError: in the task" in traceback(done)


async def test_output_before_the_error(client: ProtocolClient) -> None:
    done = await client.execute("print('before', end='')\ndisplay(1)\nraise LookupError\nprint('never')")
    assert outputs(done) == [("stdout", "before"), ("display_data", "1"), ("error", "LookupError")]


@pytest.mark.parametrize("raised", ["KeyboardInterrupt", "asyncio.CancelledError", "GeneratorExit", "BaseException"])
async def test_exceptions_that_end_other_programs_end_a_cell_only(client: ProtocolClient, raised: str) -> None:
    done = await client.execute(f"import asyncio\nraise {raised}('from the cell')")
    assert done.content["status"] == "error"
    assert done.content["ename"] == raised.rpartition(".")[2]
    assert outputs(await client.execute("'next'")) == [("execute_result", "'next'")]


@pytest.mark.filterwarnings("ignore:To exit")
@pytest.mark.parametrize("code", ["import sys\nsys.exit(3)", "raise SystemExit(3)"])
async def test_system_exit_in_a_cell_is_an_error_and_the_kernel_lives(client: ProtocolClient, code: str) -> None:
    done = await client.execute(code)
    assert done.content["status"] == "error"
    assert done.content["ename"] == "SystemExit"
    assert outputs(await client.execute("'alive'")) == [("execute_result", "'alive'")]


async def test_deep_recursion(client: ProtocolClient) -> None:
    done = await client.execute("def down(): return down()\ndown()")
    assert done.content["ename"] == "RecursionError"
    assert outputs(await client.execute("'next'")) == [("execute_result", "'next'")]


@pytest.mark.parametrize("part", ["__cause__ = 5", "__cause__ = property(lambda self: 1 / 0)", "__notes__ = 5"])
async def test_an_exception_with_odd_parts_is_shown_and_the_queue_goes_on(client: ProtocolClient, part: str) -> None:
    done = await client.execute(f"class Odd(Exception):\n    {part}\nraise Odd('shown')")
    assert (done.content["ename"], done.content["evalue"]) == ("Odd", "shown")
    assert outputs(done)[-1] == ("error", "Odd")
    assert outputs(await client.execute("6 * 7")) == [("execute_result", "42")]


@pytest.mark.parametrize("method", ["__str__", "__repr__", "__traceback__"])
async def test_errors_whose_text_cannot_be_had(client: ProtocolClient, method: str) -> None:
    done = await client.execute(
        f"class Weird(Exception):\n    def {method}(self): raise RuntimeError('no text')\nraise Weird('text')"
    )
    assert done.content["ename"] == "Weird"
    assert outputs(await client.execute("'next'")) == [("execute_result", "'next'")]


async def test_unknown_magic(client: ProtocolClient) -> None:
    for code in ("%no_such_magic", "%%no_such_magic\nbody"):
        done = await client.execute(code)
        assert done.content["status"] == "error"
        assert done.content["ename"] == "UsageError"
        assert "no_such_magic" in done.content["evalue"]
        assert "no_such_magic" in done.text("stderr")


async def test_showtraceback_in_a_cell_that_goes_on(client: ProtocolClient) -> None:
    done = await client.execute(
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    get_ipython().showtraceback()\nprint('went on')"
    )
    assert outputs(done) == [("error", "ZeroDivisionError"), ("stdout", "went on\n")]
    assert done.content["status"] == "ok"


async def test_a_custom_exception_handler(client: ProtocolClient) -> None:
    await client.execute(
        "def handler(shell, etype, value, tb, tb_offset=None):\n    print('handled', value)\n"
        "get_ipython().set_custom_exc((LookupError,), handler)"
    )
    done = await client.execute("raise KeyError('mine')")
    assert done.text() == "handled 'mine'\n"
    assert done.content["status"] == "error"
    assert done.content["ename"] == "KeyError"
    await client.execute("get_ipython().set_custom_exc((), None)")
