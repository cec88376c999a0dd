"""One browser for all tests of a folder, a fresh profile for each, and what is kept of a failure.

For conftest files: each has a fixture `server`, and takes the fixtures and the hook of this module.
"""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from playwright.sync_api import expect, sync_playwright

from browser.lab import Lab
from browser.servers import ROOT, Outside
from browser.waiting import GUARD

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from playwright.sync_api import Browser, ConsoleMessage

    from browser.documents import Notebook

    OpenLab = Callable[..., Lab]

__all__ = [
    "browser",
    "empty_lab",
    "lab",
    "lab_maker",
    "outside",
    "pytest_runtest_makereport",
    "shared_lab",
    "shared_notebook",
]
"""What the conftest.py of each folder of browser tests takes from here."""

ARTIFACTS = ROOT / "tests" / "_artifacts"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
OPEN = pytest.StashKey[list[tuple[Lab, list[str]]]]()
"""The pages that are open, and what they log."""


class Server(Protocol):
    """What serves the pages."""

    url: str
    home: str
    """The lab app below the address."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what a failed test's pages looked like and logged."""
    report = yield
    if report.failed:
        ARTIFACTS.mkdir(exist_ok=True)
        for number, (lab, log) in enumerate(item.config.stash.get(OPEN, [])):
            stem = re.sub(r"\W+", "-", item.name).strip("-") + (f"-{number}" if number else "")
            lab.page.screenshot(path=ARTIFACTS / f"{stem}.png")
            (ARTIFACTS / f"{stem}.log").write_text("\n".join(log))
    return report


@pytest.fixture(scope="package")
def browser() -> Generator[Browser]:
    if not Path(CHROMIUM).is_file():
        pytest.fail(f"There is no Chromium at {CHROMIUM}: install it, or say in $CHROMIUM where it is", pytrace=False)
    expect.set_options(timeout=GUARD)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def outside() -> Generator[Outside]:
    outside = Outside()
    yield outside
    outside.close()


@pytest.fixture(scope="package")
def lab_maker(browser: Browser, server: Server, outside: Outside, request: pytest.FixtureRequest) -> LabMaker:
    return LabMaker(browser, server, outside, request.config.stash.setdefault(OPEN, []))


class LabMaker:
    """Opens pages with a profile of their own, from which no request may leave this machine."""

    def __init__(self, browser: Browser, server: Server, outside: Outside, pages: list[tuple[Lab, list[str]]]) -> None:
        self._browser = browser
        self._server = server
        self._outside = outside
        self._pages = pages

    def __call__(self, stack: ExitStack, url: str | None = None, **options: Any) -> Lab:
        """A page, closed and checked with `stack`. It is still empty. The options are Playwright's for contexts."""
        context = self._browser.new_context(
            **options,
            proxy={"server": self._outside.url, "bypass": "127.0.0.1"},
            viewport={"width": 1300, "height": 900},
            reduced_motion="reduce",
        )
        stack.callback(self._check)
        stack.callback(context.close)
        page = context.new_page()
        page.set_default_timeout(GUARD)
        lab = Lab(page, url or self._server.url, self._server.home)
        log: list[str] = []
        page.on("console", lambda message: log.append(line_of(message)))
        page.on("pageerror", lambda error: log.append(f"uncaught: {error.stack}"))
        self._pages.append((lab, log))
        stack.callback(self._pages.remove, (lab, log))
        return lab

    def _check(self) -> None:
        asked = self._outside.asked[:]
        self._outside.asked.clear()
        assert not asked, f"requests have left the site's origin: {asked}"


def line_of(message: ConsoleMessage) -> str:
    return f"{message.type}: {message.text}"


@pytest.fixture
def empty_lab(lab_maker: LabMaker) -> Generator[OpenLab]:
    """Makes empty pages, of the shared server or another."""
    with ExitStack() as stack:
        yield lambda url=None, **options: lab_maker(stack, url, **options)


@pytest.fixture
def lab(empty_lab: OpenLab) -> Lab:
    """A page with the lab app, in which the launcher is open."""
    lab = empty_lab()
    lab.open()
    return lab


@pytest.fixture(scope="module")
def shared_lab(lab_maker: LabMaker) -> Generator[Lab]:
    """A page for those tests of a module that leave it as they found it."""
    with ExitStack() as stack:
        lab = lab_maker(stack)
        lab.open()
        yield lab


@pytest.fixture(scope="module")
def shared_notebook(shared_lab: Lab) -> Notebook:
    """A notebook, and so a kernel, for the tests of a module. Each adds cells of its own."""
    return shared_lab.new_notebook()
