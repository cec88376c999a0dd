"""HTTP from a cell, by the libraries that notebooks use, through the browser's fetch."""

from __future__ import annotations

import gzip
import json
import re
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from packages import PackageIndex
from playwright.sync_api import expect

from browser.listening import WITHOUT_JSPI
from browser.servers import ROOT

if TYPE_CHECKING:
    from collections.abc import Generator

    from browser.chromium import LabMaker
    from browser.documents import Notebook


class Handler(BaseHTTPRequestHandler):
    """Says what it was asked. Lets any page read that, but for what is below /closed."""

    def answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {} if self.path.startswith("/closed") else {"Access-Control-Allow-Origin": "*"}
        status = 200
        body = json.dumps({"method": self.command, "path": self.path, "sent": sent.decode()}).encode()
        if self.path == "/moved":
            status, headers["Location"] = 302, "/here"
        elif self.path == "/gone":
            status = 404
        elif self.path == "/packed":
            body, headers["Content-Encoding"] = gzip.compress(b"unpacked"), "gzip"
        elif self.path == "/table.csv":
            body = b"a,b\n1,2\n"
        self.send_response(status)
        headers |= {"Content-Length": str(len(body)), "X-Said": "yes", "Access-Control-Expose-Headers": "*"}
        headers |= {"Access-Control-Allow-Headers": "*", "Access-Control-Allow-Methods": "*"}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    do_GET = do_HEAD = do_POST = do_PUT = do_OPTIONS = answer  # noqa: N815

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module", params=["stack switching", "no stack switching"])
def own_notebook(
    request: pytest.FixtureRequest, lab_maker: LabMaker, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Notebook]:
    """A notebook with the libraries. Without JSPI a cell waits by a synchronous request."""
    with ExitStack() as stack:
        index = stack.enter_context(
            PackageIndex(tmp_path_factory.mktemp("index"), (ROOT / "tests" / "_wheels").glob("*.whl"))
        )
        lab = lab_maker(stack)
        if request.param == "no stack switching":
            lab.page.add_init_script(WITHOUT_JSPI.decode())
            lab.page.context.route("**/worker.mjs", without_switching)
        lab.open()
        notebook = lab.new_notebook()
        notebook.run(f"%pip install -q -i {index.simple} requests httpx")
        yield notebook


def without_switching(route: Any) -> None:
    response = route.fetch()
    route.fulfill(response=response, body=WITHOUT_JSPI + response.body())


@pytest.fixture
def notebook(own_notebook: Notebook) -> Notebook:
    own_notebook.activate()
    return own_notebook


URLLIB = """
import json, urllib.request, urllib.error
def get(path, data=None, method=None):
    asked = urllib.request.Request("{url}" + path, data=data, method=method)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return answer.status, answer.headers["X-Said"], answer.url.rpartition("/")[2], answer.read().decode()
print(get("/here"))
print(get("/moved")[::2])
print(json.loads(get("/post", b"data")[3])["sent"], json.loads(get("/put", b"", "PUT")[3])["method"])
print(get("/packed")[3])
try:
    get("/gone")
except urllib.error.HTTPError as error:
    print(error.code, error.reason)
try:
    get("/closed")
except urllib.error.URLError as error:
    print(error.reason)
"""

REQUESTS = """
import requests
got = requests.get("{url}/here", headers={{"X-Own": "1"}}, params={{"q": "1"}}, timeout=30)
print(got.status_code, got.headers["X-Said"], got.json()["path"])
print(requests.post("{url}/post", json={{"a": 1}}).json()["sent"])
print(requests.get("{url}/packed").text, requests.get("{url}/gone").status_code)
try:
    requests.get("{url}/closed")
except requests.ConnectionError as error:
    print(error)
"""

URLLIB3 = """
import urllib3
got = urllib3.request("GET", "{url}/here")
print(got.status, got.headers["X-Said"], got.json()["path"])
"""

HTTPX = """
import httpx
got = httpx.get("{url}/here", params={{"q": "1"}})
print(got.status_code, got.headers["X-Said"], got.json()["path"])
with httpx.Client(base_url="{url}") as client:
    print(client.post("/post", content=b"data").json()["sent"], client.get("/packed").text)
async with httpx.AsyncClient() as client:
    print((await client.get("{url}/gone")).status_code)
try:
    httpx.get("{url}/closed")
except httpx.ConnectError as error:
    print(error)
"""

CORS = re.compile(r"127\.0\.0\.1:\d+ .*does not let pages of other sites read .*\(CORS\)")


def run(notebook: Notebook, code: str, url: str) -> list[str]:
    return notebook.run(code.format(url=url)).lines


def test_urllib_request(notebook: Notebook, url: str) -> None:
    first, moved, sent, packed, gone, closed = run(notebook, URLLIB, url)
    assert first == """(200, 'yes', 'here', '{"method": "GET", "path": "/here", "sent": ""}')"""
    assert moved == "(200, 'here')"
    assert (sent, packed, gone) == ("data PUT", "unpacked", "404 Not Found")
    assert CORS.search(closed)


def test_requests(notebook: Notebook, url: str) -> None:
    *lines, closed = run(notebook, REQUESTS, url)
    assert lines == ["200 yes /here?q=1", '{"a": 1}', "unpacked 404"]
    assert CORS.search(closed)


def test_urllib3(notebook: Notebook, url: str) -> None:
    assert run(notebook, URLLIB3, url) == ["200 yes /here"]


def test_httpx(notebook: Notebook, url: str) -> None:
    *lines, closed = run(notebook, HTTPX, url)
    assert lines == ["200 yes /here?q=1", "data unpacked", "404"]
    assert CORS.search(closed)


def test_pyodide_http(notebook: Notebook, url: str) -> None:
    cell = notebook.run(f"from pyodide.http import pyfetch\n(await (await pyfetch('{url}/here')).json())['path']")
    expect(cell.result).to_have_text("'/here'")
