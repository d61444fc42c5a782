"""`corral queues`: what waits where; pause, resume, clean."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from corral.cli.terminal.number import real
from corral.cli.terminal.option_values import option_values
from corral.cli.terminal.output import AsJson, console, print_json, print_table, table_of
from corral.cli.terminal.session import client
from corral.http_client.api_request import path_of
from corral.job.limits import KEPT_SECONDS

app = typer.Typer(help="See, pause, resume and clean queues.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's name.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all queues with their counts."""
    with client() as api:
        queues = list(api.pages("/queues"))
    if as_json:
        print_json(queues)
        return
    columns = ("queue", "paused", ">scheduled", ">queued", ">running", ">failed", ">completed")
    print_table(columns, (_row(queue) for queue in queues), none="no queues")


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show one queue: whether it is paused and by whom, how many jobs are in each state, and what is set for it."""
    with client() as api:
        queue = api.get(path_of("queues", name))
    if as_json:
        print_json(queue)
        return
    paused = f"{queue['paused_at']} by {queue['paused_by']}" if queue["paused"] else "no"
    facts = [("paused", paused, ""), *((state, count, "") for state, count in queue["counts"].items())]
    console().print(table_of(("", "", ""), [*facts, *((part, *pair) for part, pair in _set(queue))]))


@app.command()
def pause(name: Name, as_json: AsJson = False) -> None:
    """Pause a queue: its waiting jobs are not started; jobs that run go on."""
    _act(name, "pause", "paused", as_json=as_json)


@app.command()
def resume(name: Name, as_json: AsJson = False) -> None:
    """Resume a paused queue: its waiting jobs are started again."""
    _act(name, "resume", "resumed", as_json=as_json)


@app.command("set")
def set_(
    name: Name,
    options: Annotated[
        list[str],
        typer.Argument(
            metavar="OPTION=VALUE...",
            help="retries=5, priority=low, backoff=exponential:2, keep_failed=50; OPTION= removes what was set.",
        ),
    ],
    default: Annotated[
        bool, typer.Option("--default", help="Only where the job type's declaration says nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Set options for later submissions to the queue, in place of what its job types declare."""
    change = option_values(options)
    with client() as api:
        queue = api.patch(path_of("queues", name), {"defaults" if default else "overrides": change})
    if as_json:
        print_json(queue)
        return
    rows = [(part, *pair) for part, pair in _set(queue)]
    print_table(("", "option", "value"), rows, none=f"nothing is set for {name}")


@app.command()
def clean(
    name: Name,
    state: Annotated[
        list[str] | None,
        typer.Option(help="completed, failed or cancelled. May be repeated; none: all three."),
    ] = None,
    older_than: Annotated[
        float,
        real(KEPT_SECONDS, "Only jobs that ended more than so many seconds ago."),
    ] = 0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove ended jobs of the queue for good."""
    if not yes:
        typer.confirm(f"Remove ended jobs of {name} for good?", abort=True, err=True)
    with client() as api:
        body: dict[str, Any] = {"older_than": older_than}
        answer = api.post(path_of("queues", name, "clean"), body | ({"states": state} if state else {}))
    if as_json:
        print_json(answer)
    else:
        more = "; more are left, run it again" if answer["more"] else ""
        console().print(f"{answer['removed']:,} removed{more}")


def _act(name: str, verb: str, done: str, *, as_json: bool) -> None:
    with client() as api:
        queue = api.post(path_of("queues", name, verb))
    if as_json:
        print_json(queue)
    else:
        console().print(f"{name} is {done}")


def _set(queue: dict[str, Any]) -> Iterator[tuple[str, tuple[str, Any]]]:
    """The options that are set for a queue, each with where it is: the first of the three places counts."""
    for part in ("overrides", "defaults", "declared"):
        for pair in sorted(queue[part].items()):
            yield part, pair


def _row(queue: dict[str, Any]) -> tuple[Any, ...]:
    counts = queue.get("counts", {})
    states = ("scheduled", "queued", "running", "failed", "completed")
    return (queue["name"], "paused" if queue.get("paused") else "", *(counts.get(name, 0) for name in states))
