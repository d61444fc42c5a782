"""`corral jobs submit`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from corral import json_codec
from corral.cli.jobs.causes import causes_of, print_causes
from corral.cli.jobs.follow import follow_to_end
from corral.cli.terminal.exit_codes import ExitCode
from corral.cli.terminal.number import real, whole
from corral.cli.terminal.output import AsJson, console, print_json, state
from corral.cli.terminal.session import client
from corral.job.limits import DELAY, EXPIRES_IN, RETRIES, TIMEOUT
from corral.job.state import TERMINAL

DUPLICATES = {
    "existing": "this one holds the unique key",
    "replaced": "this one holds the unique key, and takes the new payload",
}


def submit(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="The job type.")],
    *,
    payload: Annotated[
        str | None, typer.Option(help="The payload as JSON; @FILE reads a file, - reads standard input.")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="One field of the payload: NAME=TEXT, NAME=@FILE (its text), NAME:=JSON. May be repeated.",
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(help="A CSV file as the payload's field csv, its name as the title if there is none."),
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Another queue that the type allows.")] = None,
    priority: Annotated[str | None, typer.Option(help="critical, high, normal or low.")] = None,
    delay: Annotated[float | None, real(DELAY, "Seconds to wait before it may run.")] = None,
    run_at: Annotated[str | None, typer.Option(help="The ISO time before which it may not run.")] = None,
    retries: Annotated[int | None, whole(RETRIES, "Tries after the first one.")] = None,
    timeout: Annotated[float | None, real(TIMEOUT, "Seconds one attempt may run.")] = None,
    expires_in: Annotated[
        float | None,
        real(EXPIRES_IN, "Seconds after which it is cancelled unless it started."),
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag. May be repeated.")] = None,
    limit: Annotated[
        list[str] | None, typer.Option(help="A further limit that it takes from. May be repeated.")
    ] = None,
    unique_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Its unique key: while a job of the type and this key is live, no other is made.",
        ),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Store it once: the same submission with the same key, sent again within 24 hours, answers the first job.",
        ),
    ] = None,
    wait: Annotated[
        float | None,
        real(DELAY, "Seconds to wait for its end; exit codes tell how it ended."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show its progress until it ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Submit one job and print it."""
    options = {
        "queue": queue,
        "priority": priority,
        "delay": delay,
        "run_at": run_at,
        "retries": retries,
        "timeout": timeout,
        "expires_in": expires_in,
        "tags": tag,
        "limits": limit,
        "unique_key": unique_key,
    }
    given = {name: value for name, value in options.items() if value is not None}
    with client() as api:
        job = api.submit(
            type_,
            payload_from(payload, field or [], csv),
            wait=wait,
            idempotency_key=idempotency_key,
            **given,
        )
        duplicate = job.get("deduplicated")
        if duplicate and not as_json:
            sys.stderr.write(f"corral: no new job was made: {DUPLICATES[duplicate]} ({job['rule']})\n")
        if watch and not as_json:
            job = follow_to_end(api, job)
        elif wait and job["state"] not in TERMINAL and not as_json:
            print_causes(console(stderr=True), causes_of(api, job["id"]))
    if as_json:
        print_json(job)
    elif not watch:
        console().print(Text.assemble(job["id"], " ", state(job["state"])))
    if (wait or watch) and job["state"] != "completed":
        raise typer.Exit(ExitCode.JOB_FAILED if job["state"] in TERMINAL else ExitCode.NOT_ENDED)


def payload_from(text: str | None, fields: list[str], csv: Path | None) -> Any:
    """The payload from its parts; None where nothing is given.

    Raises:
        typer.BadParameter: a part can't be read.
    """
    payload = None if text is None else _json(_source(text, "--payload"), "--payload")
    if not fields and csv is None:
        return payload
    if payload is None:
        payload = {}
    if not isinstance(payload, dict):
        raise typer.BadParameter("the payload is no object, so it has no fields", param_hint="--payload")
    for pair in fields:
        name, value = _field(pair)
        payload[name] = value
    if csv is not None:
        payload["csv"] = _read(csv, "--csv")
        payload.setdefault("title", csv.stem.replace("_", " ").replace("-", " ").capitalize())
    return payload


def _field(pair: str) -> tuple[str, Any]:
    name, equals, value = pair.partition("=")
    if not equals or not name.rstrip(":"):
        raise typer.BadParameter(f"{pair!r} is not NAME=VALUE", param_hint="--field")
    text = _source(value, "--field") if value.startswith("@") else value
    if name.endswith(":"):
        return name[:-1], _json(text, "--field")
    return name, text


def _source(text: str, option: str) -> str:
    if text == "-":
        return sys.stdin.read()
    return _read(Path(text[1:]), option) if text.startswith("@") else text


def _read(path: Path, option: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint=option) from None
    except UnicodeDecodeError as error:
        raise typer.BadParameter(
            f"{path} is not UTF-8: {error.reason} at byte {error.start}", param_hint=option
        ) from None


def _json(text: str, option: str) -> Any:
    try:
        return json_codec.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint=option) from None
