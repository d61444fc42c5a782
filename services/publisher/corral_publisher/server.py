"""gunicorn with its ASGI worker: processes, signals, logs."""

import gc
import logging
import os
import signal
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers import gasgi
from starlette.types import ASGIApp

from corral.settings import Settings
from corral_publisher.connection import ClientConnection

MULTIPROC_DIR = "PROMETHEUS_MULTIPROC_DIR"
HANG_SECONDS = 60
"""A process whose loop has not turned for so long is killed and replaced."""
KEEPALIVE_SECONDS = 75
"""Longer than the usual load balancer's minute, so that it is never the server that hangs up first."""
BACKLOG = 2048
GC_THRESHOLDS = (10_000, 20, 50)
"""Objects, then younger collections, between two looks of the garbage collector."""


STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


gasgi.ASGIProtocol = ClientConnection  # gunicorn has no setting for what serves a connection


class WebWorker(gasgi.ASGIWorker):  # type: ignore[misc]  # gunicorn has no types
    """The ASGI worker of gunicorn; when it stops, it waits neither for streams nor for silent connections."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connections: set[ClientConnection] = set()

    def init_signals(self) -> None:
        """Until it serves, a process that is told to stop just ends.

        The handlers of a loop hear nothing before it runs: a signal that came while the application is made would
        be lost, and the whole publisher would stop only after its grace.
        """
        super().init_signals()
        _end_at_once()

    async def _serve(self) -> None:
        super().init_signals()
        await super()._serve()

    def handle_exit_signal(self) -> None:
        """SIGTERM. What comes now is for another process: gunicorn itself looks once a second only."""
        for server in self.servers:
            server.close()
        self._tell_streams()
        super().handle_exit_signal()
        for connection in tuple(self.connections):
            connection.close_when_silent()

    def handle_quit_signal(self) -> None:
        """SIGINT and SIGQUIT."""
        self._tell_streams()
        super().handle_quit_signal()

    def _tell_streams(self) -> None:
        services = getattr(self.asgi.state, "services", None)
        if services is not None:
            services.stopping.set()


class Log(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's log, written through ours."""

    def setup(self, cfg: Any) -> None:
        """Add no handlers: the root has one."""
        super().setup(cfg)
        self.error_log.propagate = True
        self.error_log.handlers.clear()
        self.error_log.setLevel(max(self.loglevel, logging.INFO))


class Publisher(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """One publisher: a master process and its workers."""

    def __init__(
        self, settings: Settings, make_app: Callable[[Settings], ASGIApp], bind: str | None = None
    ) -> None:
        """`bind`: where to listen, in gunicorn's words; None: as the settings say."""
        self._settings = settings
        self._make_app = make_app
        self._bind = bind
        super().__init__()

    def load_config(self) -> None:
        """Settings of gunicorn, from ours."""
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
        """The application, made in each worker."""
        return self._make_app(self._settings)


def _end_at_once() -> None:
    for one in STOPS:
        signal.signal(one, signal.SIG_DFL)


def _settle(_worker: Any) -> None:
    """What was imported stays: the garbage collector need not look at it again and again.

    Requests leave few cycles behind; collecting every 700 objects costs a bulk a third of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _child_exit(_arbiter: Any, worker: Any) -> None:
    """A process that ended no longer counts in gauges."""
    if MULTIPROC_DIR in os.environ:
        from prometheus_client import multiprocess  # noqa: PLC0415  reads the variable when imported

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
