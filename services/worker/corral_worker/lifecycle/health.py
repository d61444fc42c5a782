"""The worker's health over HTTP, answered while its event loop is blocked, too.

/healthz    200 while the process is worth keeping
/readyz     200 from its registration on, unless it is sealed: about to be removed, and empty
/health/workers  what it does now
"""

from collections.abc import Callable
from typing import Any

import structlog

from corral.process.status_server import Answer, StatusServer, json_answer

log = structlog.get_logger(__name__)

State = Callable[[], dict[str, Any]]
"""Returns `alive` (bool), `unready` (why, or None) and `worker` (what /health/workers shows). Called from threads."""


def serve(host: str, port: int, state: State) -> StatusServer | None:
    """Answer probes until closed; None, and a line in the log, where that address can't be had."""

    def alive() -> Answer:
        alive = state()["alive"]
        return json_answer(200 if alive else 503, {"status": "ok" if alive else "stuck"})

    def ready() -> Answer:
        why = state()["unready"]
        missing = [why] if why else []
        return json_answer(503 if why else 200, {"status": "waiting" if why else "ready", "missing": missing})

    def workers() -> Answer:
        return json_answer(200, {"workers": [state()["worker"]]})

    routes = {"/healthz": alive, "/readyz": ready, "/health/workers": workers}
    try:
        server = StatusServer.listening(host, port, routes)
    except OSError as error:
        log.critical("health.not_served", host=host, port=port, error=str(error))
        return None
    log.info("health.listening", host=host, port=server.port)
    return server
