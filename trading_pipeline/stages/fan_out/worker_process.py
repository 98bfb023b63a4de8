"""The main loop of a worker process: tasks come in by a pipe, deliveries go back.

Started by `LocalPool`, never by hand. The process ends when the pipe closes, also in the middle of
its work, so none is left behind by a sender that was killed.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["READY", "main"]

READY = "ready"
"""First message of a worker: everything is imported."""


def main() -> None:
    """Serve the pipe whose file descriptor is the argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the sender, which ends workers
    pipe = Connection(int(sys.argv[1]))
    incoming: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, incoming), daemon=True).start()

    from trading_pipeline.stages.fan_out.work import do_sealed  # late: loads all stages

    contexts: dict[str, bytes] = {}
    pipe.send(READY)
    while (message := incoming.get()) is not None:
        number, expected, key, context, task = message
        if context is not None:
            contexts = {key: context}
        answer = do_sealed(expected, key, contexts[key], task)
        try:
            pipe.send_bytes(number.to_bytes(8, "big") + answer)
        except OSError:  # the sender is gone
            return


def _receive(pipe: Connection, incoming: queue.SimpleQueue[Any]) -> None:
    while True:
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            os._exit(0)
        incoming.put(message)


if __name__ == "__main__":
    main()
