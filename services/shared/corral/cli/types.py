"""`corral types`: the job types that the publisher knows, and their registration."""

import asyncio
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from corral import json_codec
from corral.cli.system.services import service_settings
from corral.cli.terminal.exit_codes import ExitCode
from corral.cli.terminal.option_values import gathered_parts, option_values, with_parts
from corral.cli.terminal.output import AsJson, console, print_json, print_list, print_table
from corral.cli.terminal.session import client
from corral.cli.terminal.wait_for_start import Wait, patiently
from corral.errors import InvalidInput
from corral.http_client.api_request import path_of

if TYPE_CHECKING:  # slow to import
    from collections.abc import Awaitable, Callable

    from corral.catalog.record import TypeRecord

app = typer.Typer(help="See and register job types.", no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the registered job types."""
    with client() as api:
        types = list(api.pages("/types"))
    print_list(
        types,
        as_json,
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
        print_json(api.get(path_of("types", name)))


@app.command("set")
def set_(
    name: Annotated[str, typer.Argument(metavar="TYPE", help="The job type.")],
    options: Annotated[
        list[str],
        typer.Argument(
            metavar="OPTION=VALUE...",
            help="keep_finished=50, retries=5, backoff=exponential:2, backoff='[1, 5, 30]', limits='[\"openai\"]', "
            "batch.size=50, unique.within=3600; OPTION= removes what was set.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Set options of a job type, in place of what its code declares. No deployment takes them back."""
    change = gathered_parts(option_values(options), "batch")
    with client() as api:
        if any("." in option for option in change):
            change = with_parts(change, api.get(path_of("types", name))["options"])
        declared = api.set_type(name, change)
    _print_options(declared, as_json=as_json)


@app.command()
def reset(
    name: Annotated[str, typer.Argument(metavar="TYPE", help="The job type.")], as_json: AsJson = False
) -> None:
    """Take back every option that was set for a job type: what its code declares counts again."""
    with client() as api:
        declared = api.post(path_of("types", name, "reset"))
    _print_options(declared, as_json=as_json)


def _print_options(declared: dict[str, Any], *, as_json: bool) -> None:
    """The options in force, with who said each."""
    if as_json:
        print_json(declared)
        return
    rows = [
        (option, "" if value is None else json_codec.dumps(value).decode(), declared["sources"][option])
        for option, value in sorted(declared["options"].items())
    ]
    print_table(("option", "value", "said by"), rows, none="")


@app.command()
def register(
    wait: Wait = 0.0,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Register although another image handled other types of one of the queues: that image is gone.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Register the types of CORRAL_JOBS and the built-in ones, with their limits, queues, providers and schedules.

    A newer registration is never replaced, and what operators set stays. A queue that another image serves with
    other types is refused.
    """
    done = patiently(lambda: asyncio.run(_register(force=force)), wait)
    if as_json:
        print_json(asdict(done))
    else:
        names = f"{len(done.types)} job types are registered, {len(done.written)} of them new or changed"
        console().print(f"{names}: {', '.join(done.types)}")
        if done.limits:
            console().print(f"{len(done.limits)} limits are registered: {', '.join(done.limits)}")
        if done.providers:
            console().print(f"{len(done.providers)} providers are registered: {', '.join(done.providers)}")
        for name, places in done.judged_by_worker.items():
            console().print(Text(f"{name}: only the worker judges {'; '.join(places)}"), soft_wrap=True)
        if done.schedules:
            console().print(f"new or changed schedules: {', '.join(done.schedules)}")
        for name, why in done.schedules_left.items():
            console().print(Text(f"schedule {name} {why}"), soft_wrap=True)
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
    """Types and schedules that can't be stored, and why; they keep no other from being registered."""
    limits: list[str]
    """Limits that are registered now."""
    providers: list[str]
    """Providers that are registered now."""
    schedules: list[str]
    """Schedules that are new or changed."""
    schedules_left: dict[str, str]
    """Schedules that stay as operators left them, and why."""


async def _register(*, force: bool) -> Registered:
    from corral.actions.schedules.registration import register_schedules  # noqa: PLC0415
    from corral.catalog.catalog import Catalog, handling_modules  # noqa: PLC0415  slow to import
    from corral.catalog.payloads.validation import Validator  # noqa: PLC0415
    from corral.catalog.record import declaration_of  # noqa: PLC0415
    from corral.store import Image, Store  # noqa: PLC0415

    settings = service_settings()
    modules = handling_modules(settings.jobs, settings.handlers, demo=settings.demo_jobs, mail=False)
    catalog = Catalog.load(modules)
    records = catalog.records()
    limits = [declaration_of(one) for one in catalog.limits.values()]
    queues = [declaration_of(one) for one in catalog.declared_queues.values()]
    providers = [declaration_of(one) for one in catalog.providers.values()]
    image = Image(", ".join(modules), frozenset(one.name for one in catalog.handled()))

    async def write(wanted: "list[TypeRecord]") -> list[str]:
        handled = image.handled & {record.name for record in wanted}
        written = await store.registration.register(
            wanted, limits=limits, queues=queues, image=replace(image, handled=handled), force=force
        )
        return written.types

    store = Store.from_settings(settings, application_name="corral types", pool_size=1, direct=True)
    try:
        await store.schema.check()
        written, refused = await _written(write, records)
        await store.providers.register(providers)
        schedules = await register_schedules(
            store,
            list(catalog.schedules.values()),
            settings.installation_options,
            max_payload=settings.max_payload_bytes,
        )
    finally:
        await store.close()
    unjudged = {record.name: list(map(str, Validator(record).unjudged)) for record in records}
    return Registered(
        [record.name for record in records if record.name not in refused],
        written,
        {name: places for name, places in unjudged.items() if places},
        refused | {f"schedule {name}": why for name, why in schedules.refused.items()},
        [limit.name for limit in limits],
        [provider.name for provider in providers],
        schedules.written,
        schedules.left,
    )


async def _written(
    write: "Callable[[list[TypeRecord]], Awaitable[list[str]]]", records: list["TypeRecord"]
) -> tuple[list[str], dict[str, str]]:
    """What was written, and what can't be: a type that can't be stored keeps out no other."""
    try:
        return await write(records), {}
    except InvalidInput as error:
        if len(records) == 1:
            return [], {records[0].name: "; ".join(one.message for one in error.errors)}
    good: list[TypeRecord] = []
    refused: dict[str, str] = {}
    written: list[str] = []
    for record in records:
        try:
            written = list(dict.fromkeys(written + await write([*good, record])))
            good.append(record)
        except InvalidInput as error:
            refused[record.name] = "; ".join(one.message for one in error.errors)
    return written, refused
