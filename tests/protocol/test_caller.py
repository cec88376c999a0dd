"""`Caller` and `Pending` as cells use them: interface.md, "Caller" and "Pending"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from protocol.client import outputs

if TYPE_CHECKING:
    from protocol.client import ProtocolClient
    from protocol.transports import Transport

pytestmark = pytest.mark.anyio

NAMES = """
import anyio, threading
from async_kernel.caller import Caller, Pending
async def double(n):
    await anyio.sleep(0)
    return 2 * n
async def fail():
    await anyio.sleep(0)
    raise ValueError('failed')
def endless():
    '''A coroutine function without end, an event that tells that it runs, what it did in the end.'''
    begun, did = Pending(), []
    async def run():
        begun.set_result(None)
        try:
            await anyio.sleep(3600)
        finally:
            did.append('ended')
    return run, begun, did
"""
HERE = {
    "call_soon": ("await Caller().call_soon(double, 21)", "42"),
    "call_later": ("await Caller().call_later(0.01, double, 21)", "42"),
    "metadata": ("Caller().schedule_call(double, (1,), {}, cell='this').metadata['cell']", "'this'"),
    "failure": (
        "p = Caller().call_soon(fail)\nawait p.wait(result=False)\n(type(p.exception()).__name__, p.cancelled())",
        "('ValueError', False)",
    ),
    "cancellation reaches the task": (
        (
            "run, begun, did = endless()\np = Caller().call_soon(run)\nawait begun\np.cancel('enough')\n"
            "await p.wait(result=False)\n(p.cancelled(), did)"
        ),
        "(True, ['ended'])",
    ),
    "a waiter that is cancelled": (
        (
            "run, begun, did = endless()\np = Caller().call_soon(run)\nawait begun\n"
            "with anyio.move_on_after(0.01): await p\nawait p.wait(result=False)\n(p.cancelled(), did)"
        ),
        "(True, ['ended'])",
    ),
    "a waiter that protects": (
        "p = Caller().call_later(0.1, double, 21)\nwith anyio.move_on_after(0.01): await p.wait(protect=True)\nawait p",
        "42",
    ),
    "group": (
        (
            "async with Caller().create_pending_group():\n"
            "    many = [Caller().call_soon(double, n) for n in range(3)]\n"
            "[p.result() for p in many]"
        ),
        "[0, 2, 4]",
    ),
    "group that fails": (
        (
            "run, begun, did = endless()\ntry:\n    async with Caller().create_pending_group():\n"
            "        Caller().call_soon(run)\n        await begun\n        Caller().call_soon(fail)\n"
            "except* ValueError as e:\n    did.append(str(e.exceptions[0]))\nexcept* BaseException: pass\ndid"
        ),
        "['ended', 'failed']",
    ),
    "as_completed": (
        (
            "many = [Caller().call_later(t, double, n) for n, t in ((1, 0.1), (2, 0))]\n"
            "[await p async for p in Caller().as_completed(many)]"
        ),
        "[4, 2]",
    ),
    "wait": (
        (
            "run, begun, did = endless()\nmany = [Caller().call_soon(double, 1), Caller().call_soon(run)]\n"
            "done, others = await Caller().wait(many, return_when='FIRST_COMPLETED')\nmany[1].cancel()\n"
            "(many[0] in done, many[1] in others)"
        ),
        "(True, True)",
    ),
    "queue": (
        (
            "seen, all_seen = [], Pending()\nasync def see(n):\n    await anyio.sleep(0.01 if n == 0 else 0)\n"
            "    seen.append(n)\n    if n == 4: all_seen.set_result(None)\n"
            "for n in range(5): Caller().queue_call(see, n)\nawait all_seen\nseen"
        ),
        "[0, 1, 2, 3, 4]",
    ),
}
IN_THREADS = {
    "to_thread": ("(await Caller().to_thread(threading.get_ident)) != threading.get_ident()", "True"),
    "awaited from here": ("await other.call_soon(double, 21)", "42"),
    "awaited from there": (
        "p = Pending()\nasync def there(): return await p\nq = other.call_soon(there)\np.set_result('here')\nawait q",
        "'here'",
    ),
    "failure crosses": ("try: await other.call_soon(fail)\nexcept ValueError as e: told = str(e)\ntold", "'failed'"),
    "cancellation crosses": (
        (
            "run, begun, did = endless()\np = other.call_soon(run)\nawait begun\np.cancel()\n"
            "await p.wait(result=False)\n(p.cancelled(), did)"
        ),
        "(True, ['ended'])",
    ),
    "stop": (
        (
            "run, begun, did = endless()\np = other.call_soon(run)\nawait begun\nother.stop()\n"
            "await p.wait(result=False)\n(p.cancelled(), did)"
        ),
        "(True, ['ended'])",
    ),
    "same for a name": ("Caller().get(name='other') is other and other in Caller().children", "True"),
}


@pytest.mark.parametrize("case", HERE)
async def test_in_the_thread_of_the_cell(client: ProtocolClient, case: str) -> None:
    code, result = HERE[case]
    await client.execute(NAMES)
    assert outputs(await client.execute(code)) == [("execute_result", result)]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("case", IN_THREADS)
async def test_between_threads(client: ProtocolClient, transport: Transport, backend: str, case: str) -> None:
    """From the kernel's backend to each."""
    if not transport.has_threads:
        return
    code, result = IN_THREADS[case]
    await client.execute(f"{NAMES}other = Caller().get(name='other', backend={backend!r})")
    assert outputs(await client.execute(code)) == [("execute_result", result)]
    await client.execute("await other.stop()")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
async def test_a_guest_in_the_same_thread(client: ProtocolClient, transport: Transport, backend: str) -> None:
    if not (transport.has_threads and transport.has_trio):
        return
    await client.execute(NAMES)
    done = await client.execute(
        f"import sniffio\nasync def guest():\n    await anyio.sleep(0)\n"
        f"    return sniffio.current_async_library(), threading.get_ident()\n"
        f"await Caller().call_using_backend({backend!r}, guest) == ({backend!r}, threading.get_ident())"
    )
    assert outputs(done) == [("execute_result", "True")]
