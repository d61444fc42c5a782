"""`corral psql`: the jobs, in SQL."""

import os
import shutil
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from corral.cli.system.services import service_settings
from corral.errors import SettingsError


def psql(
    command: Annotated[
        list[str] | None,
        typer.Option("--command", "-c", metavar="SQL", help="Run this and end; may be given again."),
    ] = None,
) -> None:
    """Open the database in psql, read-only, in Corral's schema. docs/reference/tables.md describes the tables."""
    from corral.store.postgres.psql import psql_command  # noqa: PLC0415  not every command needs a database

    settings = service_settings()
    program = _program()
    arguments, environment = psql_command(settings.direct_url, settings.schema, command or [], os.environ)
    sys.stdout.flush()
    os.execve(program, ["psql", *arguments], environment)  # noqa: S606  no shell on purpose


def _program() -> str:
    """The psql of this machine, else that of the embedded Postgres.

    Raises:
        SettingsError: there is neither.
    """
    if found := shutil.which("psql") or _embedded_program():
        return found
    raise SettingsError(
        "corral psql needs the program psql, and there is none: install it "
        "(Debian and Ubuntu: apt install postgresql-client), or pip install corral-local"
    )


def _embedded_program() -> str | None:
    """The psql of the Postgres that `corral up` runs, where that is installed."""
    if find_spec("corral_local") is None:
        return None
    from corral_local.servers.postgres import psql_program  # noqa: PLC0415  no dependency of corral

    return psql_program()
