"""`corral types`: the job types that the publisher knows, and their registration."""

import asyncio
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from corral.cli.exit_codes import ExitCode
from corral.cli.output import AsJson, console, print_json, print_table
from corral.cli.services import service_settings
from corral.cli.session import client
from corral.cli.wait_for_start import Wait, patiently
from corral.errors import InvalidInput

if TYPE_CHECKING:  # slow to import
    from corral.catalog.record import TypeRecord
    from corral.store import Store

app = typer.Typer(help="See and register job types.", no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the registered job types."""
    with client() as api:
        types = list(api.pages("/types"))
    if as_json:
        print_json(types)
        return
    print_table(
        ("type", "queue", "executor", ">retries", "version", "description"),
        (
            (
                t["name"],
                t["options"]["queue"],
                t["options"]["executor"],
                t["options"]["retries"],
                t["version"],
                (t["description"] or "").split("\n")[0],
            )
            for t in types
        ),
        none="no job types are registered",
    )


@app.command()
def show(name: Annotated[str, typer.Argument(metavar="TYPE", help="The job type.")]) -> None:
    """Print a job type: its options and the JSON Schemas of payload and result."""
    with client() as api:
        print_json(api.get(f"/types/{name}"))


@app.command()
def register(wait: Wait = 0.0, as_json: AsJson = False) -> None:
    """Register the types of CORRAL_JOBS and the built-in ones; a newer registration is never replaced."""
    done = patiently(lambda: asyncio.run(_register()), wait)
    if as_json:
        print_json(asdict(done))
    else:
        names = f"{len(done.types)} job types are registered, {len(done.written)} of them new or changed"
        console().print(f"{names}: {', '.join(done.types)}")
        for name, places in done.judged_by_worker.items():
            console().print(Text(f"{name}: only the worker judges {'; '.join(places)}"), soft_wrap=True)
    for name, error in done.refused.items():
        sys.stderr.write(f"corral: {name} is not registered: {error}\n")
    if done.refused:
        raise typer.Exit(ExitCode.WRONG)


@dataclass(slots=True)
class Registered:
    """What a registration did."""

    types: list[str]
    """All that are registered now."""
    written: list[str]
    """Those of them that are new or changed."""
    judged_by_worker: dict[str, list[str]]
    """By type, the places of a payload that no publisher can judge, and why."""
    refused: dict[str, str]
    """Types that can't be stored, and why; they keep no other from being registered."""


async def _register() -> Registered:
    from corral.catalog.catalog import Catalog, handling_modules  # noqa: PLC0415  slow to import
    from corral.catalog.validation import Validator  # noqa: PLC0415
    from corral.store import Store  # noqa: PLC0415

    settings = service_settings()
    modules = handling_modules(settings.jobs, settings.handlers, demo=settings.demo_jobs, mail=False)
    records = Catalog.load(modules).records()
    store = Store.from_settings(settings, application_name="corral types", pool_size=1, direct=True)
    try:
        await store.schema.check()
        written, refused = await _written(store, records)
    finally:
        await store.close()
    unjudged = {record.name: list(map(str, Validator(record).unjudged)) for record in records}
    return Registered(
        [record.name for record in records if record.name not in refused],
        written,
        {name: places for name, places in unjudged.items() if places},
        refused,
    )


async def _written(store: "Store", records: list["TypeRecord"]) -> tuple[list[str], dict[str, str]]:
    """What was written, and what can't be."""
    try:
        return await store.types.register(records), {}
    except InvalidInput:
        written: list[str] = []
        refused: dict[str, str] = {}
    for record in records:
        try:
            written += await store.types.register([record])
        except InvalidInput as error:
            refused[record.name] = "; ".join(one.message for one in error.errors)
    return written, refused
