"""A kernel that only answers: what any kernel costs by its sockets and its clients.

python tests/bench/floor.py CONNECTION_FILE
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.session import Session

ANSWERS: dict[str, dict[str, Any]] = {
    "kernel_info_request": {
        "protocol_version": "5.3",
        "implementation": "floor",
        "implementation_version": "0",
        "language_info": {"name": "none", "version": "0", "mimetype": "text/plain", "file_extension": ".txt"},
        "banner": "",
    },
    "execute_request": {"execution_count": 1, "payload": [], "user_expressions": {}},
    "shutdown_request": {"restart": False},
    "complete_request": {"matches": [], "cursor_start": 0, "cursor_end": 0, "metadata": {}},
}


def main(connection_file: str) -> None:
    info = json.loads(Path(connection_file).read_text())
    session = Session(key=info["key"].encode(), signature_scheme=info["signature_scheme"])
    context = zmq.Context()

    def bind(kind: int, channel: str) -> zmq.Socket[bytes]:
        socket = context.socket(kind)
        socket.linger = 1000
        socket.bind(f"{info['transport']}://{info['ip']}:{info[f'{channel}_port']}")
        return socket

    sockets = [bind(zmq.ROUTER, "shell"), bind(zmq.ROUTER, "control")]
    iopub, beat, _ = bind(zmq.PUB, "iopub"), bind(zmq.REP, "hb"), bind(zmq.ROUTER, "stdin")
    poller = zmq.Poller()
    for socket in (*sockets, beat):
        poller.register(socket, zmq.POLLIN)
    while True:
        for socket, _ in poller.poll():
            if socket is beat:
                beat.send(beat.recv())
                continue
            idents, message = session.recv(socket)
            kind = message["header"]["msg_type"]
            session.send(iopub, "status", {"execution_state": "busy"}, parent=message, ident=b"status")
            if kind in ANSWERS:
                content = {"status": "ok", **ANSWERS[kind]}
                session.send(socket, kind.replace("_request", "_reply"), content, parent=message, ident=idents)
            session.send(iopub, "status", {"execution_state": "idle"}, parent=message, ident=b"status")
            if kind == "shutdown_request":
                context.destroy(linger=500)
                return


if __name__ == "__main__":
    main(sys.argv[1])
