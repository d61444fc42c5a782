"""The plan of a `corral up`: ports, servers and workers, decided and checked before anything starts."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from corral.errors import SettingsError
from corral.settings import Settings
from corral.settings.sources import OTHERWISE, PREFIX, SourcedSettings
from corral_local.ports import check_host, choose_port

EMBEDDED = {
    f"{PREFIX}DATABASE_URL": "postgresql://127.0.0.1/corral",
    f"{PREFIX}REDIS_URL": "redis://127.0.0.1/0",
}
"""Placeholder addresses for servers that are not named and are yet to start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The plan of one local system."""

    data: Path
    workers: int | None
    """A fixed number of workers, 0 where they are switched off; None: between one and `max_workers`, by the law."""
    max_workers: int
    reload: bool
    folder: Path
    """The folder of the team's code, in which every service runs."""
    reading: SourcedSettings[Settings]
    port: int
    metrics_port: int
    embeds_postgres: bool
    embeds_redis: bool
    notes: tuple[str, ...]
    """Sentences for the user about what differs from the usual."""

    @property
    def settings(self) -> Settings:
        """The settings, with placeholders for the addresses of servers that are yet to start."""
        return self.reading.settings

    @property
    def host(self) -> str:
        """The host at which this machine reaches the publisher."""
        host = self.settings.host
        local = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  not bound to, but reached
        return local.get(host, f"[{host}]" if ":" in host else host)

    @property
    def url(self) -> str:
        """The address of the publisher."""
        return f"http://{self.host}:{self.port}"


def make_plan(
    *,
    data: Path,
    port: int | None,
    workers: int | None,
    max_workers: int,
    reload: bool,
    env: Mapping[str, str] | None = None,
) -> Plan:
    """Check everything that can be checked before a server starts.

    Raises:
        SettingsError: a setting is wrong.
        NotThisHost: a host to listen on is none of this machine.
        PortHeld: a port that was asked for is taken.
    """
    if sys.platform == "win32":
        raise SettingsError("corral up runs on Linux and macOS; on Windows use WSL")
    given = {} if port is None else {f"{PREFIX}PORT": str(port)}
    reading = Settings.reading(env, given=given, otherwise=EMBEDDED)
    settings = reading.settings
    sources = {one.name: one.source for one in reading.effective}
    embeds_postgres = sources[f"{PREFIX}DATABASE_URL"] == OTHERWISE
    if embeds_postgres and settings.pooled:
        direct = f"{PREFIX}DATABASE_DIRECT_URL"
        raise SettingsError(
            f"{direct} (from {sources[direct]}): names a server, but without {PREFIX}DATABASE_URL corral up runs "
            f"a Postgres of its own, and what uses {direct} would work on another database than the rest; "
            f"set {PREFIX}DATABASE_URL, too, or unset {direct}"
        )
    notes = []
    if not settings.worker_enabled:
        workers = 0
        notes.append("workers are switched off (CORRAL_WORKER_ENABLED)")
    check_host(f"{PREFIX}HOST", settings.host)
    chosen = choose_port(settings.host, settings.port, asked_by=_asker(sources, "PORT"))
    if chosen != settings.port:
        notes.append(f"port {settings.port} is taken; using {chosen}")
    metrics_port = settings.metrics_port
    if metrics_port:
        check_host(f"{PREFIX}METRICS_HOST", settings.metrics_host)
        metrics_port = choose_port(
            settings.metrics_host, metrics_port, asked_by=_asker(sources, "METRICS_PORT")
        )
    if metrics_port != settings.metrics_port:
        notes.append(f"port {settings.metrics_port} is taken; metrics are on {metrics_port}")
    return Plan(
        data=data, workers=workers, max_workers=max_workers, reload=reload, folder=Path.cwd(), reading=reading,
        port=chosen, metrics_port=metrics_port, notes=tuple(notes),
        embeds_postgres=embeds_postgres,
        embeds_redis=sources[f"{PREFIX}REDIS_URL"] == OTHERWISE,
    )  # fmt: skip


def _asker(sources: Mapping[str, str], name: str) -> str | None:
    """Who set the setting, in words for an error message; None where it has its default."""
    match sources[f"{PREFIX}{name}"]:
        case "default":
            return None
        case "command line":
            return f"--{name.lower().replace('_', '-')}"
        case source:
            return f"{PREFIX}{name} (from {source})"
