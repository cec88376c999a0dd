"""Requests by the browser's fetch, and the libraries that are to make theirs by it: see `_http`."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, cast

from pyodide import ffi
from pyodide.ffi import JsException, can_run_sync, to_js
from pyodide.http import pyfetch

import js
from async_kernel._browser._index import why_not_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_BROWSERS_OWN: Final = frozenset(
    (
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    )
)
"""Headers that the browser sets itself. Some of them, set by a page, would need the server's leave."""
_UNDONE: Final = frozenset(("content-encoding", "content-length", "transfer-encoding"))
"""Headers of what the browser has undone when it hands a body over."""


class FetchError(OSError):
    """A request had no answer that the page may read. The text says why."""


@dataclass
class Fetched:
    """An answer, its body decoded and redirects followed."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    url: str


async def fetch(
    method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes | None, timeout: float | None = None
) -> Fetched:
    """Make a request.

    Raises:
        FetchError: there is no answer, or the page may not read it.
        TimeoutError: there is none in time.
    """
    options: dict[str, Any] = {"method": method, "headers": _allowed(headers)}
    if body:
        options["body"] = to_js(body)
    if timeout is not None:
        options["signal"] = js.AbortSignal.timeout(int(timeout * 1000))
    try:
        response = await pyfetch(url, **options)
        content = await response.bytes()
    except (OSError, JsException) as error:
        if "TimeoutError" in str(error) or "timed out" in str(error):
            msg = f"{url} did not answer within {timeout:g} s"
            raise TimeoutError(msg) from None
        raise FetchError(await why_not_read(url) or f"{url} cannot be read: {error}") from None
    got = [(name, value) for name, value in response.headers.items() if name.lower() not in _UNDONE]
    return Fetched(response.status, response.status_text, got, content, response.url)


def fetch_now(
    method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes | None, timeout: float | None = None
) -> Fetched:
    """Make a request and wait for the answer in place. Raises what `fetch` raises."""
    if can_run_sync():
        return cast("Fetched", ffi.run_sync(fetch(method, url, headers, body, timeout)))
    request = js.XMLHttpRequest.new()
    request.open(method, url, False)  # noqa: FBT003  # not asynchronous
    request.responseType = "arraybuffer"
    for name, value in _allowed(headers).items():
        request.setRequestHeader(name, value)
    try:
        request.send(to_js(body) if body else None)
    except JsException:
        host = url.split("/")[2]
        msg = f"{host} cannot be reached, or does not let pages of other sites read {url} (CORS)"
        raise FetchError(msg) from None
    lines = [line.partition(": ") for line in request.getAllResponseHeaders().splitlines()]
    got = [(name, value) for name, _, value in lines if name.lower() not in _UNDONE]
    return Fetched(request.status, request.statusText, got, request.response.to_bytes(), request.responseURL)


def _allowed(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in _BROWSERS_OWN}


class _Answer:
    """What `http.client` reads an answer from in place of a socket."""

    def __init__(self, fetched: Fetched) -> None:
        headers = [*fetched.headers, ("Content-Length", str(len(fetched.body)))]
        lines = [f"HTTP/1.1 {fetched.status} {fetched.reason}", *(f"{name}: {value}" for name, value in headers)]
        self._raw = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + fetched.body

    def makefile(self, *_: object) -> BytesIO:
        return BytesIO(self._raw)


def patch_urllib(module: Any) -> None:
    """Let `urllib.request` use it."""
    import http.client
    import socket

    def do_open(_: object, __: object, req: Any, **___: object) -> http.client.HTTPResponse:
        headers = {**req.unredirected_hdrs, **req.headers}
        timeout = req.timeout if isinstance(req.timeout, (int, float)) else socket.getdefaulttimeout()
        try:
            fetched = fetch_now(req.get_method(), req.full_url, headers.items(), _bytes(req.data), timeout)
        except OSError as error:
            raise module.URLError(error) from None
        answer: Any = http.client.HTTPResponse(_Answer(fetched), method=req.get_method())  # type: ignore[arg-type]  # a socket's part
        answer.begin()
        answer.url = fetched.url
        answer.msg = answer.reason  # as urllib has it
        return cast("http.client.HTTPResponse", answer)

    module.AbstractHTTPHandler.do_open = do_open


def _bytes(body: Any) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    if hasattr(body, "read"):
        content = body.read()
        return content.encode() if isinstance(content, str) else content
    return bytes(body) if isinstance(body, (bytearray, memoryview)) else b"".join(body)


def patch_urllib3(module: Any) -> None:
    """Let the errors of `urllib3` say why a request failed."""
    from urllib3.contrib.emscripten.fetch import _RequestError, _TimeoutError

    def explaining(send: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def explained(request: Any) -> Any:
            try:
                return send(request)
            except _TimeoutError:
                raise
            except _RequestError as error:
                if can_run_sync():
                    error.message = ffi.run_sync(why_not_read(request.url)) or error.message
                else:
                    host = request.url.split("/")[2]
                    error.message = f"{host} cannot be reached, or does not let pages of other sites read it (CORS)"
                raise

        return explained

    module.send_request = explaining(module.send_request)
    module.send_streaming_request = explaining(module.send_streaming_request)


def patch_httpx(module: Any) -> None:
    """Let `httpx` use it."""

    def response(request: Any, fetched: Fetched) -> Any:
        made = module.Response(fetched.status, headers=fetched.headers, content=fetched.body, request=request)
        made.extensions["reason_phrase"] = fetched.reason.encode("latin-1", "replace")
        return made

    def asked(request: Any) -> tuple[str, str, list[tuple[str, str]]]:
        return request.method, str(request.url), list(request.headers.items())

    def limit(request: Any) -> float | None:
        return cast("float | None", (request.extensions.get("timeout") or {}).get("read"))

    def translated(error: OSError, request: Any) -> Exception:
        kind = module.ReadTimeout if isinstance(error, TimeoutError) else module.ConnectError
        return cast("Exception", kind(str(error), request=request))

    def handle_request(_: object, request: Any) -> Any:
        try:
            return response(request, fetch_now(*asked(request), request.read(), limit(request)))
        except OSError as error:
            raise translated(error, request) from None

    async def handle_async_request(_: object, request: Any) -> Any:
        try:
            return response(request, await fetch(*asked(request), await request.aread(), limit(request)))
        except OSError as error:
            raise translated(error, request) from None

    def nothing(_: object, *__: object, **___: object) -> None:
        """Connections, certificates and proxies are the browser's."""

    async def nothing_async(_: object, *__: object) -> None:
        pass

    def itself(transport: object) -> object:
        return transport

    async def itself_async(transport: object) -> object:
        return transport

    for transport in (module.HTTPTransport, module.AsyncHTTPTransport):
        transport.__init__ = nothing
    for name, method in {
        "handle_request": handle_request,
        "close": nothing,
        "__enter__": itself,
        "__exit__": nothing,
    }.items():
        setattr(module.HTTPTransport, name, method)
    for name, async_method in {
        "handle_async_request": handle_async_request,
        "aclose": nothing_async,
        "__aenter__": itself_async,
        "__aexit__": nothing_async,
    }.items():
        setattr(module.AsyncHTTPTransport, name, async_method)
