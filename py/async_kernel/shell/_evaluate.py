"""Code that a magic runs in place of its cell."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

from async_kernel.shell._run import awaiting

if TYPE_CHECKING:
    from types import CodeType

    from async_kernel.shell._shell import AsyncInteractiveShell


async def evaluate(shell: AsyncInteractiveShell, code: str) -> object:
    """Run code with the names of a shell, in the calling task, and return the value of its last expression.

    It may have magics, shell commands and `await` at its top level. What it raises is raised.
    """
    source = shell.transform_cell(code)
    name = shell.compile.cache(source, shell.execution_count, raw_code=code)
    with awaiting(allowed=True):
        tree = shell.transform_ast(shell.compile.ast_parse(source, filename=name))
    assert isinstance(tree, ast.Module)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    await _run(shell, _compile(shell, tree, name))
    return await _run(shell, _compile(shell, ast.Expression(last.value), name)) if isinstance(last, ast.Expr) else None


def _compile(shell: AsyncInteractiveShell, tree: ast.Module | ast.Expression, name: str) -> CodeType:
    mode = "exec" if isinstance(tree, ast.Module) else "eval"
    flags = shell.compile.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code: CodeType = compile(tree, name, mode, flags, dont_inherit=True)
    return code


async def _run(shell: AsyncInteractiveShell, code: CodeType) -> object:
    value: object = eval(code, shell.user_global_ns, shell.user_ns)  # noqa: S307  # it is what a kernel is for
    return await value if code.co_flags & inspect.CO_COROUTINE else value  # type: ignore[misc]  # it is one then
