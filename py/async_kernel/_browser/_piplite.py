"""`piplite`, which notebooks written for JupyterLite's Pyodide kernel import."""

from __future__ import annotations

from async_kernel._browser import _packages


async def install(
    requirements: str | list[str],
    keep_going: bool = False,  # piplite's signature
    deps: bool = True,
    credentials: str | None = None,
    pre: bool = False,
    index_urls: list[str] | str | None = None,
    *,
    verbose: bool | int | None = None,
) -> None:
    """Install packages by name, address or path of a wheel.

    Args:
        requirements: one, or several.
        keep_going: tell all that cannot be installed, not only the first.
        deps: install also what they require.
        credentials: as `fetch` takes it.
        pre: take versions that are not final.
        index_urls: package indexes to look into.
        verbose: print what is done.

    Raises:
        UsageError: a package cannot be installed: which, what blocks, and why.
    """
    wanted = [requirements] if isinstance(requirements, str) else list(requirements)
    await _packages.install(
        [_packages.located(requirement) for requirement in wanted],
        keep_going=keep_going,
        deps=deps,
        credentials=credentials,
        pre=pre,
        index_urls=index_urls,
        verbose=verbose,
    )
