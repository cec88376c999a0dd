"""What a cell asks of the client by its reply.

Section "Payloads" of the messaging specification.
"""

from __future__ import annotations

from typing import Any

from IPython.core.payload import PayloadManager

from async_kernel.shell._run import current_run


class RunPayloads(PayloadManager):
    """Keeps the payloads of each run apart. What no cell writes has nobody to go to."""

    def write_payload(self, data: dict[str, Any], single: bool = True) -> None:  # IPython's signature
        """Add a payload to the running cell's, in place of one from the same source if `single`."""
        if run := current_run():
            if single:
                run.payload[:] = [p for p in run.payload if p.get("source") != data.get("source")]
            run.payload.append(data)

    def read_payload(self) -> list[dict[str, Any]]:
        """The payloads of the running cell."""
        run = current_run()
        return run.payload if run else []
