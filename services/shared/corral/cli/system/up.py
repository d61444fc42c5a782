"""`corral up`: the whole system here, from one command."""

import asyncio
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from corral.cli.terminal.number import whole
from corral.cli.terminal.output import console
from corral.errors import SettingsError
from corral.http_client.publisher_address import local_folder
from corral.job.bounds import Bounds
from corral.settings.cpus import cpu_limit

PORT = Bounds(1, 65535)
WORKERS = Bounds(1, 100, "workers")
LEAST_MAXIMUM = 4
"""Workers that a laptop of few CPUs may have all the same: most jobs wait for something."""


def up(
    port: Annotated[
        int | None,
        whole(PORT, "The port of API and pages; none: 8000 or the next free."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="The folder of all data; none: CORRAL_DATA, else .corral.")
    ] = None,
    workers: Annotated[int | None, whole(WORKERS, "A fixed number of workers.")] = None,
    max_workers: Annotated[
        int | None, whole(WORKERS, "The most workers; none: the CPUs, at least 4.")
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Bring changed code into workers, publisher and maintenance.")
    ] = False,
) -> None:
    """Run everything here: Postgres, Valkey, publisher, maintenance, and workers that follow the backlog."""
    if find_spec("corral_local") is None:
        raise SettingsError(
            "corral up needs the distribution corral-local, which is not installed here "
            "(images of Corral hold one service each): pip install corral-local"
        )
    from corral import logs  # noqa: PLC0415
    from corral_local.plan import make_plan  # noqa: PLC0415  every other command starts sooner without these
    from corral_local.up_display import UpDisplay, run  # noqa: PLC0415

    logs.configure("warning", "console")
    plan = make_plan(
        data=data or local_folder(os.environ),
        port=port,
        workers=workers,
        max_workers=max_workers or max(LEAST_MAXIMUM, cpu_limit()),
        reload=reload,
    )
    screen = console()
    with UpDisplay(screen, plan) as shown:
        asyncio.run(run(plan, shown))
    screen.print("Corral has stopped; nothing is left running.")
