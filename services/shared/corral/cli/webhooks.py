"""`corral webhooks`: tell other systems how jobs end."""

from typing import Annotated, Any

import typer

from corral.cli.terminal.number import real, whole
from corral.cli.terminal.option_values import option_values
from corral.cli.terminal.output import AsJson, ago, console, print_json, print_list, print_table
from corral.cli.terminal.session import client
from corral.job.bounds import Bounds

app = typer.Typer(
    help="Tell other systems how jobs end: make, test, change and replay.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="WEBHOOK", help="The webhook's name.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
SHOWN_DELIVERIES = Bounds(1, 10_000, "deliveries")
OVERLAP = Bounds(0, 2_592_000, "seconds")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all webhooks with how their endpoints do."""
    with client() as api:
        found = list(api.webhooks.list())
    if as_json:
        print_json(found)
        return
    rows = (
        (
            one["name"],
            _state(one),
            ",".join(one["events"]) or "for notifications",
            one["url"],
            ago(one["last_success_at"]),
            ago(one["last_failure_at"]),
        )
        for one in found
    )
    print_table(
        ("webhook", "state", "events", "address", "last success", "last failure"), rows, none="no webhooks"
    )
    for one in found:
        if not one["enabled"]:
            reason = one["disabled_reason"] or "no reason was given"
            console(stderr=True).print(f"{one['name']} is disabled: {reason}", soft_wrap=True, markup=False)


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Print a webhook and its last ten deliveries."""
    with client() as api:
        webhook, deliveries = api.webhooks.get(name), list(api.webhooks.deliveries(name, limit=10))
    print_list(
        {**webhook, "deliveries": deliveries},
        as_json,
        ("field", "value"),
        ((key, _plain(value)) for key, value in webhook.items()),
        none="",
    )
    _print_deliveries(deliveries)


@app.command()
def create(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where requests are sent.")],
    *,
    event: Annotated[
        list[str] | None,
        typer.Option(help="job.completed, job.failed or job.cancelled; all. May be repeated."),
    ] = None,
    no_events: Annotated[
        bool, typer.Option("--no-events", help="No jobs: only notification.send uses it.")
    ] = False,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="Only jobs of this type. May be repeated.")
    ] = None,
    queue: Annotated[list[str] | None, typer.Option(help="Only jobs of this queue. May be repeated.")] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="standard (signed JSON), slack or teams.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a webhook and print its secret, this once."""
    given = {
        "events": [] if no_events else event,
        "types": type_,
        "queues": queue,
        "format": format_,
        "description": description,
    }
    with client() as api:
        made = api.webhooks.create(
            name, url, **{key: value for key, value in given.items() if value is not None}
        )
    _print_made(made, as_json=as_json)


@app.command("set")
def set_(
    name: Name,
    fields: Annotated[
        list[str],
        typer.Argument(
            metavar="FIELD=VALUE...", help="events='[\"job.failed\"]', url=https://…; FIELD= is the default."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Change a webhook."""
    with client() as api:
        webhook = api.webhooks.set(name, **option_values(fields, "FIELD=VALUE"))
    _said(webhook, f"{name} is changed", as_json=as_json)


@app.command()
def enable(name: Name, as_json: AsJson = False) -> None:
    """Tell it of jobs again."""
    with client() as api:
        _said(api.webhooks.enable(name), f"{name} is enabled", as_json=as_json)


@app.command()
def disable(
    name: Name,
    reason: Annotated[str | None, typer.Option(help="Why; shown wherever the webhook is.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell it nothing until it is enabled."""
    with client() as api:
        _said(api.webhooks.disable(name, reason), f"{name} is disabled", as_json=as_json)


@app.command()
def rotate(
    name: Name,
    overlap: Annotated[
        float | None, real(OVERLAP, "Seconds for which the old secret signs, too; a day.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give it a new secret and print it, this once; for a while the old one signs, too."""
    with client() as api:
        made = api.webhooks.rotate(name, overlap=overlap)
    _print_made(made, as_json=as_json)


@app.command("test")
def send_test(name: Name, as_json: AsJson = False) -> None:
    """Send it a test, also while it is disabled, and print the delivery's id."""
    with client() as api:
        delivery = api.webhooks.test(name)
    _said(delivery, delivery["id"], as_json=as_json)


@app.command()
def deliveries(
    name: Name,
    status: Annotated[str | None, typer.Option(help="pending, delivered, failed or skipped.")] = None,
    limit: Annotated[int, whole(SHOWN_DELIVERIES, "How many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what was and is sent to it, newest first."""
    with client() as api:
        found = list(api.webhooks.deliveries(name, status=status, limit=limit))
    if as_json:
        print_json(found)
    else:
        _print_deliveries(found)


@app.command()
def replay(
    name: Name,
    delivery: Annotated[
        str | None, typer.Argument(metavar="DELIVERY", help="The id of one delivery.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="All since then, as 2026-10-24T12:00Z.")
    ] = None,
    delivered: Annotated[
        bool, typer.Option("--delivered", help="With --since: also those that were delivered.")
    ] = False,
) -> None:
    """Send one delivery again, or all since a time that failed or were skipped; under the same ids."""
    if (delivery is None) == (since is None):
        raise typer.BadParameter("give a DELIVERY or --since TIME", param_hint="DELIVERY")
    with client() as api:
        if delivery is not None:
            api.webhooks.replay(name, delivery)
            count = 1
        else:
            count = api.webhooks.replay_since(name, str(since), delivered=delivered)
    console().print(f"{count:,} sent again" if count != 1 else "1 is sent again")


@app.command()
def delete(name: Name, yes: Yes = False) -> None:
    """Delete a webhook with its secrets and deliveries."""
    if not yes:
        typer.confirm(f"Delete the webhook {name}?", abort=True, err=True)
    with client() as api:
        api.webhooks.delete(name)
    console().print(f"{name} is deleted")


def _state(one: dict[str, Any]) -> str:
    if not one["enabled"]:
        return "disabled"
    return "failing" if one["failing_since"] else "on"


def _print_made(made: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(made)
    elif made["secret"]:
        console().print(made["secret"], soft_wrap=True, markup=False)
        console(stderr=True).print("The receiver verifies with this secret. It is not shown again.")
    else:
        console().print(f"{made['name']} is made")


def _print_deliveries(found: list[dict[str, Any]]) -> None:
    rows = (
        (
            one["id"],
            one["event"],
            one["job"] or "",
            one["number"] or "",
            one["status"],
            one["attempts"],
            one["last_error"] or one["last_status"] or "",
            ago(one["created_at"]),
        )
        for one in found
    )
    columns = ("delivery", "event", "job", ">number", "status", ">requests", "last answer", "made")
    print_table(columns, rows, none="no deliveries")


def _plain(value: Any) -> Any:
    return ",".join(value) if isinstance(value, list) else value


def _said(value: Any, words: str, *, as_json: bool) -> None:
    if as_json:
        print_json(value)
    else:
        console().print(words, markup=False)
