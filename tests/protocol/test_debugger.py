"""Sections "Debug request" and "Additions to the DAP": the same conversation with each engine."""

from __future__ import annotations

import linecache
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from protocol.client import GUARD

if TYPE_CHECKING:
    from protocol.client import ProtocolClient
    from protocol.conftest import RunNow
    from protocol.debug_session import DebugSession
    from protocol.transports import Transport

CODE = """\
def double(number):
    result = number * 2
    return result

def total(numbers):
    found = 0
    for number in numbers:
        found += double(number)
    return found

values = [1, 20]
answer = total(values)
print('answer', answer)
"""


async def test_kernel_info_says_whether_there_is_a_debugger(client: ProtocolClient, transport: Transport) -> None:
    content = (await client.request("kernel_info_request", {})).content
    assert content["debugger"] is transport.debugs
    assert ("debugger" in content["supported_features"]) is transport.debugs
    if not transport.debugs:
        request = {"type": "request", "seq": 1, "command": "debugInfo"}
        refused = await client.request("debug_request", request, channel="control")
        assert "no debugger" in refused.content["evalue"]


async def test_a_client_is_told_once_that_it_may_set_breakpoints(session: DebugSession) -> None:
    events = [m["content"]["event"] for m in session.client.messages if m["header"]["msg_type"] == "debug_event"]
    assert events.count("initialized") == 1
    await session.start()
    events = [m["content"]["event"] for m in session.client.messages if m["header"]["msg_type"] == "debug_event"]
    assert events.count("initialized") == 2


async def test_a_breakpoint_steps_variables(session: DebugSession) -> None:
    path = await session.set(CODE, {"line": 2})
    running = session.client.start(CODE)
    body = await session.stopped()
    assert (body["reason"], body["threadId"], body["preserveFocusHint"]) == ("breakpoint", 1, False)
    assert len(body["hitBreakpointIds"]) == 1
    info = await session.do("debugInfo")
    assert info["isStarted"] is True
    assert info["stoppedThreads"] == [1]
    assert info["breakpoints"] == [{"source": path, "breakpoints": [{"line": 2}]}]
    assert {"id": 1, "name": "MainThread"} in (await session.do("threads"))["threads"]
    frames = await session.frames()
    assert [frame.keys() >= {"id", "name", "line", "column", "source"} for frame in frames] == [True] * 3
    assert [(f["name"], f["line"], f["source"]["path"]) for f in frames] == [
        ("double", 2, path),
        ("total", 8, path),
        ("<module>", 12, path),
    ]
    assert await session.locals() == [variable("number", "1", "int")]
    assert await session.step("next") == [("double", 3), ("total", 8), ("<module>", 12)]
    assert await session.locals() == [variable("number", "1", "int"), variable("result", "2", "int")]
    assert await session.step("stepOut") == [("total", 8), ("<module>", 12)]
    assert await session.step("next") == [("total", 7), ("<module>", 12)]
    assert await session.step("next") == [("total", 8), ("<module>", 12)]
    await session.go_on()
    await session.stopped()
    assert await session.stack() == [("double", 2), ("total", 8), ("<module>", 12)]
    scopes = (await session.do("scopes", frameId=(await session.frames())[0]["id"]))["scopes"]
    assert [scope["name"] for scope in scopes] == ["Locals", "Globals"]
    reference = scopes[0]["variablesReference"]
    changed = await session.do("setVariable", variablesReference=reference, name="number", value="10 * 10")
    assert changed == {"value": "100", "type": "int", "variablesReference": 0}
    assert (await session.evaluate("number + 1"))["result"] == "101"
    assert (await session.evaluate("number = 50"))["result"] == ""
    await session.go_on()
    done = await session.client.wait_idle(running)
    assert done.text() == "answer 102\n"
    assert (await session.do("debugInfo"))["stoppedThreads"] == []


def variable(name: str, value: str, kind: str) -> dict[str, Any]:
    """A variable with nothing inside."""
    return {"name": name, "value": value, "type": kind, "evaluateName": name, "variablesReference": 0}


LOOP = "for step in range(6):\n    double_step = step * 2\nprint('done', double_step)\n"


@pytest.mark.parametrize(
    ("point", "stops"),
    [
        ({"condition": "step == 3"}, [3]),
        ({"condition": "unknown == 3"}, []),
        ({"hitCondition": "2"}, [1]),
        ({"hitCondition": ">= 5"}, [4, 5]),
        ({"hitCondition": "%3"}, [2, 5]),
    ],
)
async def test_conditions(session: DebugSession, point: dict[str, Any], stops: list[int]) -> None:
    await session.set(LOOP, {"line": 2, **point})
    running = session.client.start(LOOP)
    for step in stops:
        assert (await session.stopped())["reason"] == "breakpoint"
        assert (await session.evaluate("step"))["result"] == str(step)
        await session.go_on()
    done = await session.client.wait_idle(running)
    assert done.text() == "done 10\n"


async def test_a_log_point_prints_and_does_not_stop(session: DebugSession) -> None:
    await session.set(LOOP, {"line": 2, "logMessage": "at {step}: {step * 10}"})
    running = session.client.start(LOOP)
    done = await session.client.wait_idle(running)
    assert done.text() == "".join(f"at {n}: {n * 10}\n" for n in range(6)) + "done 10\n"


LINES = "# a comment\ndef function():\n    first = (\n        1\n    )\n\n    return first\n\nfunction()\n"


async def test_a_breakpoint_moves_to_a_line_with_code(session: DebugSession) -> None:
    path = (await session.do("dumpCell", code=LINES))["sourcePath"]
    asked = [{"line": line} for line in (2, 4, 6, 7, 8, 9, 20)]
    body = await session.do("setBreakpoints", source={"path": path}, breakpoints=asked)
    assert [(point["line"], point["verified"]) for point in body["breakpoints"]] == [
        (2, True),
        (4, True),
        (4, True),
        (7, True),
        (7, True),
        (9, True),
        (9, True),
    ]


async def test_a_breakpoint_where_nothing_stops_is_not_verified(session: DebugSession) -> None:
    for path in ("/there/is/none.py", linecache.__file__):
        body = await session.do("setBreakpoints", source={"path": path}, breakpoints=[{"line": 10}])
        (point,) = body["breakpoints"]
        assert point["verified"] is False
        assert point["message"]
    assert (await session.do("debugInfo"))["stoppedThreads"] == []


FAILS = """\
def fail(text):
    raise ValueError(text)

try:
    fail('handled')
except ValueError:
    pass
print('behind')
"""


async def test_raised_exceptions(session: DebugSession) -> None:
    await session.do("setExceptionBreakpoints", filters=["raised"])
    running = session.client.start(FAILS)
    body = await session.stopped()
    assert (body["reason"], body["description"], body["text"]) == ("exception", "handled", "ValueError")
    assert await session.stack() == [("fail", 2), ("<module>", 5)]
    info = await session.do("exceptionInfo", threadId=session.thread)
    assert (info["exceptionId"], info["description"], info["breakMode"]) == ("ValueError", "handled", "always")
    await session.do("setExceptionBreakpoints", filters=[])
    await session.go_on()
    assert (await session.client.wait_idle(running)).text() == "behind\n"


async def test_uncaught_exceptions(session: DebugSession, transport: Transport) -> None:
    if transport.has_threads:
        pytest.skip("debugpy takes no exception for uncaught that IPython shows")
    await session.do("setExceptionBreakpoints", filters=["uncaught"])
    done = await session.client.execute(FAILS)
    assert done.text() == "behind\n"
    running = session.client.start("inside = 7\nfail('not handled')")
    body = await session.stopped()
    assert (body["reason"], body["description"], body["text"]) == ("exception", "not handled", "ValueError")
    assert await session.stack() == [("fail", 2), ("<module>", 2)]
    assert (await session.evaluate("text"))["result"] == "'not handled'"
    await session.go_on()
    assert (await session.client.wait_idle(running)).content["ename"] == "ValueError"


async def test_stepping_over_an_await(session: DebugSession, run_now: RunNow) -> None:
    code = (
        "import anyio\nasync def waits():\n    gate = anyio.Event()\n    globals().update(gate=gate)\n"
        "    await gate.wait()\n    return 'opened'\nopened = await waits()\nprint(opened)\n"
    )
    await session.set(code, {"line": 5})
    running = session.client.start(code)
    await session.stopped()
    assert await session.stack() == [("waits", 5), ("<module>", 7)]
    await session.do("next", threadId=session.thread)
    await session.event("continued")
    await run_now("gate.set()")
    await session.stopped()
    assert await session.stack() == [("waits", 6), ("<module>", 7)]
    await session.go_on()
    assert (await session.client.wait_idle(running)).text() == "opened\n"


async def test_stepping_from_statement_to_statement(session: DebugSession) -> None:
    code = "first = 1\nsecond = 2\nthird = double_it(second)\nprint(third)\n"
    await session.client.execute("def double_it(x):\n    return x * 2\n")
    await session.set(code, {"line": 1})
    running = session.client.start(code)
    await session.stopped()
    assert await session.stack() == [("<module>", 1)]
    assert await session.step("next") == [("<module>", 2)]
    assert await session.step("stepIn") == [("<module>", 3)]
    assert await session.step("stepIn") == [("double_it", 2), ("<module>", 3)]
    assert await session.step("next") == [("<module>", 4)]
    await session.do("next", threadId=session.thread)  # there is nothing behind it
    assert (await session.client.wait_idle(running)).text() == "4\n"
    assert await session.client.execute("'no stop'")


async def test_containers(session: DebugSession) -> None:
    code = (
        "def look():\n    numbers = list(range(250))\n    table = {'a': [1, 2], 3: 'x'}\n"
        "    class Point:\n        pass\n    point = Point()\n    point.x, point._hidden = 1.5, {4}\n"
        "    return point\nlook()\n"
    )
    await session.set(code, {"line": 8})
    running = session.client.start(code)
    await session.stopped()
    found = {variable["name"]: variable for variable in await session.locals()}
    assert found.keys() == {"numbers", "table", "point", "class variables"}
    assert found["numbers"]["type"] == "list"
    elements = [v for v in await session.inside(found["numbers"]) if not v["name"].endswith("variables")]
    assert [(v["name"], v["value"], v["evaluateName"]) for v in elements[:2]] == [
        ("000", "0", "numbers[0]"),
        ("001", "1", "numbers[1]"),
    ]
    assert elements[-1]["name"] == "len()"
    assert (elements[-1]["value"], elements[-1]["evaluateName"]) == ("250", "len(numbers)")
    entries = [v for v in await session.inside(found["table"]) if not v["name"].endswith("variables")]
    assert [(v["name"], v["value"], v["type"], v["evaluateName"]) for v in entries] == [
        ("'a'", "[1, 2]", "list", "table['a']"),
        ("3", "'x'", "str", "table[3]"),
        ("len()", "2", "int", "len(table)"),
    ]
    fields = {v["name"]: v for v in await session.inside(found["point"])}
    assert (fields["x"]["value"], fields["x"]["evaluateName"]) == ("1.5", "point.x")
    assert fields["_hidden"]["type"] == "set"
    assert "special variables" in fields
    await session.go_on()
    await session.client.wait_idle(running)


async def test_variables_while_nothing_runs(session: DebugSession) -> None:
    await session.client.execute("shown, nested, _hidden = 'text', {'key': [1, 2]}, 0")
    variables = {v["name"]: v for v in (await session.do("inspectVariables"))["variables"]}
    assert (variables["shown"]["value"], variables["shown"]["type"]) == ("'text'", "str")
    assert not variables.keys() & {"_hidden", "In", "Out", "get_ipython", "exit"}
    inside = {v["name"]: v for v in await session.inside(variables["nested"])}
    assert inside["'key'"]["value"] == "[1, 2]"
    rich = await session.do("richInspectVariables", variableName="shown")
    assert rich == {"data": {"text/plain": "'text'"}, "metadata": {}}
    assert await session.fails("richInspectVariables", variableName="unknown")
    assert (await session.do("evaluate", expression="shown * 2"))["result"] == "'texttext'"


async def test_representations_and_copies_of_variables_of_a_frame(session: DebugSession) -> None:
    code = "from IPython.display import HTML\ndef page():\n    part = HTML('<b>bold</b>')\n    return part\npage()\n"
    await session.set(code, {"line": 4})
    running = session.client.start(code)
    await session.stopped()
    frame = (await session.frames())[0]["id"]
    rich = await session.do("richInspectVariables", variableName="part", frameId=frame)
    assert rich["data"]["text/html"] == "<b>bold</b>"
    await session.do("copyToGlobals", srcVariableName="part", dstVariableName="copied", srcFrameId=frame)
    message = await session.fails("evaluate", expression="unknown + 1", frameId=frame, context="repl")
    assert "name 'unknown' is not defined" in message
    await session.go_on()
    await session.client.wait_idle(running)
    assert await session.client.values(data="copied.data") == {"data": "<b>bold</b>"}


async def test_the_source_of_cells_and_modules(session: DebugSession) -> None:
    path = (await session.do("dumpCell", code=CODE))["sourcePath"]
    assert (await session.do("source", source={"path": path}))["content"] == CODE
    modules = (await session.do("modules"))["modules"]
    (found,) = [module for module in modules if module["name"] == "traitlets.config"]
    assert "import" in (await session.do("source", source={"path": found["path"]}))["content"]
    assert "no source" in await session.fails("source", source={"path": "/there/is/none.py"})
    assert len((await session.do("modules", startModule=1, moduleCount=2))["modules"]) == 2


async def test_a_breakpoint_in_a_module(session: DebugSession) -> None:
    module = "def scale(value):\n    factor = 3\n    return value * factor\n"
    write = (
        "import pathlib, sys, tempfile\nfolder = tempfile.mkdtemp()\n"
        f"pathlib.Path(folder, 'scales.py').write_text({module!r})\nsys.path.insert(0, folder)"
    )
    await session.client.execute(write)
    folder = (await session.client.values(folder="folder"))["folder"]
    source = {"path": f"{folder}/scales.py"}
    body = await session.do("setBreakpoints", source=source, breakpoints=[{"line": 3}])
    assert body["breakpoints"][0]["verified"] is True
    for code in ("import scales\nscales.scale(14)", "scales.scale(5)"):
        running = session.client.start(code)
        await session.stopped()
        assert [name for name, _ in await session.stack()] == ["scale", "<module>"]
        assert [v["name"] for v in await session.locals()] == ["factor", "value"]
        await session.go_on()
        await session.client.wait_idle(running)
    await session.client.execute("del sys.path[0]")


async def test_an_interrupt_ends_a_stopped_cell(session: DebugSession) -> None:
    code = "def stays():\n    reached = []\n    reached.append(1)\n    print('went on')\nstays()\n"
    await session.set(code, {"line": 3})
    for _ in range(2):
        running = session.client.start(code)
        await session.stopped()
        await session.client.request("interrupt_request", {}, channel="control")
        done = await session.client.wait_idle(running)
        assert done.content["ename"] == "KeyboardInterrupt"
        assert done.text() == ""
        assert (await session.do("debugInfo"))["stoppedThreads"] == []


async def test_pausing_a_cell_that_runs(session: DebugSession) -> None:
    running = session.client.start("paused = False\nprint('begins')\nwhile not paused:\n    pass\nprint('ended')")
    await session.client.wait_text(running, "begins")
    await session.do("pause", threadId=1)
    assert (await session.stopped())["reason"] == "pause"
    assert [name for name, _ in await session.stack()] == ["<module>"]
    await session.evaluate("paused = True")
    await session.go_on()
    assert (await session.client.wait_idle(running)).text() == "begins\nended\n"


async def test_messages_while_a_cell_is_stopped(session: DebugSession, transport: Transport, run_now: RunNow) -> None:
    await session.set(CODE, {"line": 3})
    running = session.client.start(CODE)
    await session.stopped()
    assert (await session.client.request("kernel_info_request", {}, channel="control")).content["debugger"] is True
    done = await session.client.request("complete_request", {"code": "answ", "cursor_pos": 4})
    assert done.content["status"] == "ok"
    if transport.listens_always:
        await run_now("other = 5")
    await session.do("setBreakpoints", source={"path": (await session.frames())[0]["source"]["path"]}, breakpoints=[])
    await session.go_on()
    assert (await session.client.wait_idle(running)).text() == "answer 42\n"


async def test_a_client_that_comes_back_finds_the_stop(session: DebugSession) -> None:
    await session.set(CODE, {"line": 2})
    running = session.client.start(CODE)
    await session.stopped()
    info = await session.do("debugInfo")
    assert info["stoppedThreads"] == [session.thread]
    await session.start()
    assert await session.stack() == [("double", 2), ("total", 8), ("<module>", 12)]
    await session.do("disconnect")
    assert (await session.client.wait_idle(running)).text() == "answer 42\n"
    assert "not been started" in await session.fails("stackTrace", threadId=session.thread)


CYCLES = int(os.environ.get("ASYNC_KERNEL_DEBUG_CYCLES", "5"))
COUNT = """\
import collections, gc, threading
def count():
    gc.collect()
    kinds = collections.Counter(type(each) for each in gc.get_objects())
    ours = {f'{kind.__module__}.{kind.__name__}': n for kind, n in kinds.items()
            if str(kind.__module__).startswith(('async_kernel', '_asyncio', 'trio', 'socket'))}
    return {**ours, 'threads': threading.active_count()}
"""
"""Counts what the kernel may leave: debugpy keeps some objects of its own for each stop."""


async def left(session: DebugSession, *kinds: str) -> dict[str, int]:
    """What there is in the kernel, by kind; of some kinds, if they are given."""
    found: dict[str, int] = (await session.client.values(count="count()"))["count"]
    return {kind: found[kind] for kind in kinds or found}


async def more_left(session: DebugSession, before: dict[str, int], *kinds: str) -> dict[str, int]:
    """What there is more than before, once the debugger has let go of what it saw: in a thread of its own."""
    more = Counter(before)
    with anyio.move_on_after(GUARD):
        while more := Counter(await left(session, *kinds)) - Counter(before):
            pass
    return more


async def test_cycles_leave_nothing(session: DebugSession) -> None:
    await session.client.execute(COUNT)
    counts = []
    for _ in range(CYCLES):
        await session.set(CODE, {"line": 3})
        running = session.client.start(CODE)
        await session.stopped()
        await session.step("next")
        await session.locals()
        source = (await session.frames())[-1]["source"]
        await session.do("setBreakpoints", source=source, breakpoints=[])
        await session.go_on()
        assert (await session.client.wait_idle(running)).text() == "answer 42\n"
        counts.append(await left(session))
    assert not await more_left(session, counts[1])


async def test_sessions_leave_nothing(session: DebugSession, transport: Transport) -> None:
    # debugpy keeps its sessions, each with a closed socket and the request that began it
    kinds = ("threads",) if transport.has_threads else ()
    await session.client.execute(COUNT)
    counts = []
    for _ in range(CYCLES):
        await session.set(CODE, {"line": 3})
        running = session.client.start(CODE)
        await session.stopped()
        await session.do("disconnect")
        assert (await session.client.wait_idle(running)).text() == "answer 42\n"
        counts.append(await left(session, *kinds))
        await session.start()
    await session.do("disconnect")
    assert not await more_left(session, counts[1], *kinds)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("nonsense", {}),
        ("variables", {"variablesReference": "one"}),
        ("variables", {"variablesReference": 2**30 + 500}),
        ("variables", {"variablesReference": 77}),
        ("scopes", {"frameId": 12345}),
        ("stackTrace", {"threadId": 12345}),
        ("next", {"threadId": 1}),
        ("dumpCell", {}),
        ("setBreakpoints", {"breakpoints": [{"line": 1}]}),
        ("evaluate", {"expression": "1 +"}),
        ("evaluate", {}),
        ("evaluate", {"expression": "1", "frameId": 12345}),
        ("setVariable", {"variablesReference": 5, "name": "x", "value": "1"}),
        ("copyToGlobals", {"srcVariableName": "x", "dstVariableName": "y"}),
        ("richInspectVariables", {"variableName": 5}),
    ],
)
async def test_what_cannot_be_done_is_said(session: DebugSession, command: str, arguments: dict[str, Any]) -> None:
    assert await session.fails(command, **arguments)
    assert (await session.do("debugInfo"))["isStarted"] is True


@pytest.mark.parametrize(
    ("first", "code", "answers", "printed"),
    [
        ("", "def stay(x):\n    breakpoint()\n    return x\nstay(41)", ["p x + 1", "c"], "42"),
        ("", "def walk(x):\n    breakpoint()\n    y = x\n    return y\nwalk(41)", ["n", "n", "p y + 1", "c"], "42"),
        ("[][5]", "%debug", ["p 6 * 7", "q"], "42"),
        ("", "%%debug\nx = 41\nprint('x is', x)", ["n", "p x + 1", "c"], "42"),
        (
            "",
            "import pdb\ntry:\n    [][5]\nexcept IndexError as e:\n    pdb.post_mortem(e.__traceback__)",
            ["p 6 * 7", "q"],
            "42",
        ),
    ],
    ids=["breakpoint", "steps", "debug", "cell", "post_mortem"],
)
async def test_prompts_of_pdb(
    client: ProtocolClient, transport: Transport, first: str, code: str, answers: list[str], printed: str
) -> None:
    if transport.name.startswith("in-process") and "breakpoint" in code:
        pytest.skip("pytest takes breakpoint() for itself in its own process")
    await client.execute(first)
    left = iter(answers)
    client.answer_input = lambda _: next(left)
    done = await client.execute(code)
    assert done.content["status"] == "ok", done.content
    assert printed in done.text().splitlines()
    assert next(left, None) is None
    assert (await client.execute("print('goes on')")).text() == "goes on\n"
