"""`corral publisher`, `worker` and `maintenance`: each replaces this process by the service."""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from corral.http_client.publisher_address import local_folder
from corral.settings import Settings
from corral.settings.sources import PREFIX

SERVICES_FILE = "services.env"
"""The file in which `corral up` writes the addresses of its servers."""


def service_settings() -> Settings:
    """The settings. Where none names a database, those of the local system in this folder are used."""
    return Settings.load(otherwise=local_settings())


def local_settings() -> dict[str, str]:
    """Settings of the local system in this folder that neither the environment nor `.env` contains."""
    from corral.process.env_file import is_file, read_env_file  # noqa: PLC0415  not every command needs it

    name = f"{PREFIX}DATABASE_URL"
    ours = Path(".env")
    if name in os.environ or (ours.is_file() and name in read_env_file(ours, os.environ)):
        return {}
    written = local_folder(os.environ) / SERVICES_FILE
    return read_env_file(written, {}) if is_file(written) else {}


def publisher() -> None:
    """Run the publisher: the HTTP API, the pages and, unless switched off, maintenance."""
    _become("corral_publisher")


def worker(
    queues: Annotated[str | None, typer.Option(help="Queues to serve, separated by commas.")] = None,
    name: Annotated[str | None, typer.Option(help="The worker's name.")] = None,
) -> None:
    """Run one worker: it claims jobs and runs them."""
    _become("corral_worker", {f"{PREFIX}QUEUES": queues, f"{PREFIX}WORKER_NAME": name})


def maintenance() -> None:
    """Run maintenance in a process of its own: queue jobs that are due, take jobs back from lost workers, remove old ones."""
    _become("corral.maintenance")


def _become(module: str, given: dict[str, str | None] | None = None) -> NoReturn:
    """Replace this process by a service, so that signals reach it alone."""
    said = {name: value for name, value in (given or {}).items() if value is not None}
    environment = local_settings() | os.environ | said
    Settings.load(environment)  # a mistake is told here, before anything starts
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", module], environment)  # noqa: S606  no shell on purpose
