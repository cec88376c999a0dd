"""What the tests with hypothesis share: how much of what is drawn is tried, and threads that do things at once."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable

_ASKED = os.environ.get("ASYNC_KERNEL_FUZZ_EXAMPLES")


def fuzz(examples: int) -> settings:
    """Settings of a test that tries as many examples, or ASYNC_KERNEL_FUZZ_EXAMPLES of them, new ones then."""
    return settings(
        max_examples=int(_ASKED or examples),
        deadline=None,
        database=None,
        derandomize=_ASKED is None,
        suppress_health_check=list(HealthCheck),
    )


def at_once(*functions: Callable[[], object]) -> None:
    """Call functions in threads that begin together and take turns as often as they can. What one raises is raised."""
    barrier = threading.Barrier(len(functions))
    errors: list[BaseException] = []

    def run(function: Callable[[], object]) -> None:
        barrier.wait()
        try:
            function()
        except BaseException as e:  # noqa: BLE001  # told to the test
            errors.append(e)

    threads = [threading.Thread(target=run, args=(f,)) for f in functions]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    if errors:
        raise errors[0]
