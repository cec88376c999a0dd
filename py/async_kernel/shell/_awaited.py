"""Magics and shell commands that are awaited.

IPython turns `%magic` and `!command` into calls. At the top level of a cell such a call may await: what is a coroutine
there is run to its end in the cell's task, and other messages are handled meanwhile. Inside a `def` it cannot, and the
call stays as it is.
"""

from __future__ import annotations

import ast
from contextvars import ContextVar
from typing import Final

_MAGICS: Final = frozenset(("run_line_magic", "run_cell_magic"))
_COMMANDS: Final = {"system": "system_awaited", "getoutput": "getoutput_awaited"}

_is_awaited: ContextVar[bool] = ContextVar("async_kernel_is_awaited", default=False)


def set_awaited(*, awaited: bool) -> None:
    """Say whether what the next magic returns is awaited."""
    _is_awaited.set(awaited)


def take_awaited() -> bool:
    """Whether what the magic that asks returns is awaited. Where it is not, a command has to run to its end."""
    awaited = _is_awaited.get()
    _is_awaited.set(False)
    return awaited


class AwaitedCalls(ast.NodeTransformer):
    """Awaits the calls of IPython that stand at the top level of a cell."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:  # ast's name
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node.func:
            case ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython"), args=[]) as shell, attr=name):
                if name in _MAGICS:
                    # Wrapped, not replaced: IPython looks for the user's variables a fixed number of frames up.
                    finish = ast.Attribute(shell, "finished", ast.Load())
                    node.func.value = ast.Attribute(shell, "awaited_magics", ast.Load())
                    return ast.copy_location(ast.Await(ast.Call(finish, [node], [])), node)
                if name in _COMMANDS:
                    node.func.attr = _COMMANDS[name]
                    return ast.copy_location(ast.Await(node), node)
        self.generic_visit(node)
        return node
