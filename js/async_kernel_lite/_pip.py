"""pip, for a Python on another platform: `python -m async_kernel_lite._pip ENVIRONMENT_AS_JSON ARGUMENT ...`.

pip's own options choose wheels of that platform, but it evaluates the markers of requirements for the Python that it
runs in: `sys_platform != "emscripten"` would be true.
"""

from __future__ import annotations

import json
import sys


def main(environment: str, *arguments: str) -> int:
    """Run pip with these arguments. Returns its exit code."""
    from pip._internal.cli.main import main as run
    from pip._vendor.packaging import markers

    values: markers.Environment = json.loads(environment)
    markers.default_environment = lambda: values
    if not markers.Marker(f"sys_platform == {values['sys_platform']!r}").evaluate():
        sys.stderr.write("ERROR: this pip cannot be told which platform it resolves for: use pip 25.1 to 26\n")
        return 2
    return run(list(arguments))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
