"""`corral types`: the job types that the publisher knows, and their registration."""

import asyncio
from typing import Annotated

import typer

from corral.cli.output import AsJson, console, print_json, print_table
from corral.cli.patience import Wait, patiently
from corral.cli.services import service_settings
from corral.cli.session import client

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
    names, written = patiently(lambda: asyncio.run(_register()), wait)
    if as_json:
        print_json({"types": names, "written": written})
    else:
        console().print(
            f"{len(names)} job types are registered, {len(written)} of them new or changed: {', '.join(names)}"
        )


async def _register() -> tuple[list[str], list[str]]:
    """All names, and those that were written."""
    from corral.catalog.catalog import Catalog, handling_modules  # noqa: PLC0415  slow to import
    from corral.store import Store  # noqa: PLC0415

    settings = service_settings()
    modules = handling_modules(settings.jobs, settings.handlers, demo=settings.demo_jobs)
    records = Catalog.load(modules).records()
    store = Store.open(
        settings.direct_url, schema=settings.schema, pool_size=1, application_name="corral types"
    )
    try:
        await store.schema.check()
        written = await store.types.register(records)
    finally:
        await store.close()
    return [record.name for record in records], written
