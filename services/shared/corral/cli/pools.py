"""`corral pools`: lists pools with their workers, their target and its reason, and the decisions about one."""

from typing import Annotated, Any

import typer

from corral.cli.terminal.number import whole
from corral.cli.terminal.output import AsJson, ago, print_list, span
from corral.cli.terminal.session import client
from corral.http_client.api_request import path_of
from corral.job.bounds import Bounds

app = typer.Typer(help="See pools of workers and why they have the size they have.")
DECISIONS = Bounds(1, 1_000_000, "decisions")


@app.callback(invoke_without_command=True)
def pools(context: typer.Context, as_json: AsJson = False) -> None:
    """List the pools; `corral pools decisions NAME` lists the decisions about one."""
    if context.invoked_subcommand is not None:
        return
    with client() as api:
        found = list(api.pages("/pools"))
    print_list(
        found,
        as_json,
        ("pool", ">workers", ">target", ">bounds", ">queued", ">oldest", "conditions", "last report", "why"),
        (_row(pool) for pool in found),
        none="no pools: neither the operator nor `corral up` has reported one within the last hour",
    )


@app.command()
def decisions(
    name: Annotated[str, typer.Argument(metavar="POOL", help="The pool's name.")],
    limit: Annotated[int, whole(DECISIONS, "How many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the decisions about a pool's size, each with its reason."""
    with client() as api:
        found = list(api.pages(path_of("pools", name, "decisions"), limit=limit))
    print_list(
        found,
        as_json,
        ("when", ">before", ">after", ">needed", ">queued", "conditions", "why"),
        (
            (
                ago(one["at"]),
                one["before"],
                one["after"],
                one["needed"],
                one["backlog_jobs"],
                one["conditions"],
                one["reason"],
            )
            for one in found
        ),
        none="no decisions yet",
    )


def _row(pool: dict[str, Any]) -> tuple[Any, ...]:
    return (
        pool["name"],
        pool["ready"],
        pool["desired"],
        f"{pool['minimum']} to {pool['maximum']}",
        pool["backlog_jobs"],
        span(pool["oldest_seconds"]) if pool["oldest_seconds"] else "",
        pool["conditions"],
        f"{ago(pool['at'])}, none since" if pool["stale"] else ago(pool["at"]),
        pool["reason"],
    )
