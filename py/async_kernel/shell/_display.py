"""What a cell shows: results and displays as iopub messages.

Sections "Display data", "Execution results" and "Clear output" of the messaging specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher

from async_kernel.shell._run import current_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell


class KernelDisplayHook(DisplayHook):
    """`sys.displayhook`: the value of a cell's last expression as an `execute_result`."""

    iopub_send: Callable[..., None]
    exec_result = None  # no trait, which takes many times as long: every cell sets it, nobody observes it

    @property
    def prompt_count(self) -> int:
        """The number of the running cell."""
        if run := current_run():
            return run.execution_count
        return int(cast("InteractiveShell", self.shell).execution_count) - 1

    def quiet(self) -> bool:
        """Whether the running cell ends in a semicolon."""
        run = current_run()
        return bool(run and self.semicolon_at_end_of_expression(run.code))

    def write_output_prompt(self) -> None:
        """The prompt is the client's."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        """Send the result."""
        content = {"execution_count": self.prompt_count, "data": format_dict, "metadata": md_dict or {}}
        self.iopub_send("execute_result", content=content)

    def finish_displayhook(self) -> None:
        """End a result."""
        self._is_active = False


class KernelDisplayPublisher(DisplayPublisher):
    """`display()`, `update_display()` and `clear_output()` as iopub messages."""

    iopub_send: Callable[..., None]

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        source: str = "",  # noqa: ARG002  # IPython's signature
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **kwargs: Any,
    ) -> None:
        """Send a display, or the new data of an earlier one.

        Args:
            data: the object's forms by MIME type.
            metadata: metadata by MIME type.
            source: not used; IPython's signature has it.
            transient: what a notebook does not store, such as `display_id`.
            update: replace the display with the same `display_id`.
            kwargs: `buffers`, sent beside the JSON.

        Raises:
            TypeError: `data` or `metadata` is no dict.
        """
        self._validate_data(data, metadata)
        self.iopub_send(
            "update_display_data" if update else "display_data",
            content={"data": data, "metadata": metadata or {}, "transient": transient or {}},
            buffers=kwargs.get("buffers"),
        )

    def clear_output(self, wait: bool = False) -> None:  # IPython's signature
        """Clear the cell's output, at once or with the next output (`wait`)."""
        self.iopub_send("clear_output", content={"wait": wait})
