"""`corral workers`: who works; draining one, and letting it work again."""

from typing import Annotated, Any

import typer

from corral.cli.terminal.output import AsJson, ago, console, print_json, print_list
from corral.cli.terminal.session import client
from corral.http_client.api_request import path_of

MIB = 1_048_576

app = typer.Typer(help="See workers, drain them, and let them work again.", no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the workers that live."""
    with client() as api:
        workers = list(api.pages("/workers"))
    print_list(
        workers,
        as_json,
        (
            "name",
            "pool",
            "state",
            "queues",
            ">running",
            ">completed",
            ">failed",
            ">memory",
            "host",
            ">pid",
            "since",
        ),
        (_row(worker) for worker in workers),
        none="no worker runs; start one with `corral worker`",
    )


@app.command()
def drain(
    name: Annotated[str, typer.Argument(metavar="WORKER", help="The worker's name or id.")],
    as_json: AsJson = False,
) -> None:
    """Let a worker finish the jobs that it runs and start no more."""
    with client() as api:
        answer = api.post(path_of("workers", name, "drain"))
    if as_json:
        print_json(answer)
    else:
        console().print(f"{name} drains")


@app.command()
def undrain(
    name: Annotated[str, typer.Argument(metavar="WORKER", help="The worker's name or id.")],
    as_json: AsJson = False,
) -> None:
    """Let a worker that a person drained start jobs again."""
    with client() as api:
        answer = api.post(path_of("workers", name, "undrain"))
    if as_json:
        print_json(answer)
    elif answer["undrained"]:
        console().print(f"{name} claims again")
    else:
        console().print(f"nobody drains {name}")


def _row(worker: dict[str, Any]) -> tuple[Any, ...]:
    status = worker.get("status", {})
    return (
        worker["name"],
        worker.get("pool"),
        _state(worker),
        worker["queues"],
        worker.get("running", 0),
        status.get("succeeded"),
        status.get("failed"),
        f"{memory / MIB:,.0f} MiB" if (memory := status.get("memory_bytes")) else None,
        worker.get("host"),
        str(worker.get("pid") or ""),
        ago(worker.get("started_at")),
    )


def _state(worker: dict[str, Any]) -> str:
    """`active`, `draining for pool:io, sealed`."""
    by = f" for {worker['drained_by']}" if worker.get("drained_by") else ""
    return f"{worker['state']}{by}{', sealed' if worker.get('sealed') else ''}"
