"""`corral stats`: counts, throughput, waiting and running times."""

from typing import Annotated, Any

from corral.cli.terminal.number import whole
from corral.cli.terminal.output import AsJson, console, print_json, span, state, table_of
from corral.cli.terminal.session import client
from corral.job.bounds import Bounds

WINDOW = Bounds(60, 30 * 24 * 3600, "seconds")


def stats(
    window: Annotated[
        int,
        whole(WINDOW, "Seconds to look back for throughput and percentiles."),
    ] = 3600,
    as_json: AsJson = False,
) -> None:
    """Print how many jobs are in each state, and how fast they start and run."""
    with client() as api:
        answer = api.get("/stats", window=window)
    if as_json:
        print_json(answer)
        return
    screen = console()
    screen.print(
        table_of(("state", ">jobs"), ((state(name), count) for name, count in answer["counts"].items()))
    )
    rows = [_row(group) for group in answer.get("groups", ())]
    if rows:
        columns = ("queue", "type", ">ended", ">per second", ">wait p50", ">wait p99", ">run p50", ">run p99")
        screen.print()
        screen.print(table_of(columns, rows))


def _row(group: dict[str, Any]) -> tuple[Any, ...]:
    wait, run = group.get("wait") or {}, group.get("run") or {}
    return (
        group.get("queue"),
        group.get("type"),
        group.get("ended"),
        f"{group.get('throughput', 0):.3g}",
        span(wait.get("p50")),
        span(wait.get("p99")),
        span(run.get("p50")),
        span(run.get("p99")),
    )
