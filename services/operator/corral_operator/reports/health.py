"""The operator's health and metrics, on one port.

/healthz  200 while a round over all pools ended lately
/metrics  the metrics, as Prometheus reads them
"""

from collections.abc import Callable
from typing import Final

from corral.process.status_server import METRICS, Answer, StatusServer

ROUND_TOO_OLD_SECONDS: Final = 30.0
"""Seconds without the end of a round, after which the operator counts as stuck. A round is ended after 20."""


def serve(host: str, port: int, age: Callable[[], float]) -> StatusServer:
    """Answer until closed.

    Args:
        host: the address to listen on.
        port: the port.
        age: seconds since the last round ended; called from threads.

    Raises:
        OSError: the address is taken.
    """

    def health() -> Answer:
        seconds = age()
        if seconds <= ROUND_TOO_OLD_SECONDS:
            return Answer(200, b"ok\n")
        return Answer(503, f"the last round ended {seconds:.0f} seconds ago\n".encode())

    return StatusServer.listening(host, port, {"/healthz": health, **METRICS})
