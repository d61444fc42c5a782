"""The publisher's web server: gunicorn with its ASGI worker, and Corral's settings, signals and logs."""

import logging
import os
import signal
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers import gasgi
from starlette.types import ASGIApp

from corral.process.garbage_collection import collect_less_often
from corral.settings import Settings
from corral_publisher.processes.connection import ClientConnection

MULTIPROC_DIR = "PROMETHEUS_MULTIPROC_DIR"
HANG_SECONDS = 60
"""Seconds after which gunicorn kills and replaces a process whose event loop is blocked."""
KEEPALIVE_SECONDS = 75
"""Seconds that an idle connection is kept: longer than the usual 60 of load balancers, so that they close it first."""
BACKLOG = 2048


STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


gasgi.ASGIProtocol = ClientConnection  # gunicorn has no setting for what serves a connection


class WebWorker(gasgi.ASGIWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's ASGI worker, changed to end streams and idle connections at once when it stops."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connections: set[ClientConnection] = set()

    def init_signals(self) -> None:
        """Let a process that is told to stop before it serves end at once.

        The handlers of a loop hear nothing before it runs: a signal that came while the application is made would
        be lost, and the whole publisher would stop only after its grace.
        """
        super().init_signals()
        _end_at_once()

    async def _serve(self) -> None:
        super().init_signals()
        await super()._serve()

    def handle_exit_signal(self) -> None:
        """Stop on SIGTERM: close the listening sockets at once. gunicorn alone would notice a second later."""
        for server in self.servers:
            server.close()
        self._tell_streams()
        super().handle_exit_signal()
        for connection in tuple(self.connections):
            connection.close_when_silent()

    def handle_quit_signal(self) -> None:
        """Stop on SIGINT and SIGQUIT."""
        self._tell_streams()
        super().handle_quit_signal()

    def _tell_streams(self) -> None:
        services = getattr(self.asgi.state, "services", None)
        if services is not None:
            services.stopping.set()


class Log(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's logger, which writes through Corral's."""

    def setup(self, cfg: Any) -> None:
        """Add no handlers, because the root logger has one."""
        super().setup(cfg)
        self.error_log.propagate = True
        self.error_log.handlers.clear()
        self.error_log.setLevel(max(self.loglevel, logging.INFO))


class Publisher(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """One publisher: a master process and its workers."""

    def __init__(
        self, settings: Settings, make_app: Callable[[Settings], ASGIApp], bind: str | None = None
    ) -> None:
        """Take the settings. `bind` is the address in gunicorn's form; None takes it from the settings."""
        self._settings = settings
        self._make_app = make_app
        self._bind = bind
        super().__init__()

    def load_config(self) -> None:
        """Make gunicorn's settings from Corral's."""
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        given: dict[str, Any] = {
            "bind": self._bind or f"{host}:{settings.port}",
            "backlog": BACKLOG,
            "workers": settings.web_workers,
            "worker_class": WebWorker,
            "logger_class": Log,
            "loglevel": "warning" if settings.log_level == "info" else settings.log_level,
            "accesslog": None,
            "timeout": HANG_SECONDS,
            "graceful_timeout": max(1, int(settings.grace)),
            "keepalive": KEEPALIVE_SECONDS,
            "asgi_loop": "uvloop",
            "asgi_lifespan": "on",
            "control_socket_disable": True,
            "proc_name": "corral publisher",
            "post_fork": lambda _arbiter, _worker: _end_at_once(),
            "post_worker_init": _settle,
            "child_exit": _child_exit,
        }
        for name, value in given.items():
            self.cfg.set(name, value)

    def load(self) -> ASGIApp:
        """Make the application, in each process."""
        return self._make_app(self._settings)


def _end_at_once() -> None:
    for one in STOPS:
        signal.signal(one, signal.SIG_DFL)


def _settle(_worker: Any) -> None:
    collect_less_often()


def _child_exit(_arbiter: Any, worker: Any) -> None:
    """Remove the gauges of a process that ended from the metrics."""
    if MULTIPROC_DIR in os.environ:
        from prometheus_client import multiprocess  # noqa: PLC0415  reads the variable when imported

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
