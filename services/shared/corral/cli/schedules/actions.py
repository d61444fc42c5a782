"""`corral schedules`: see, make, change, pause, run and backfill them."""

from typing import Annotated, Any

import typer

from corral.cli.jobs.submit import payload_from
from corral.cli.terminal.number import real, whole
from corral.cli.terminal.option_values import option_values
from corral.cli.terminal.output import AsJson, ago, console, print_json, print_list, print_table
from corral.cli.terminal.session import client
from corral.job.bounds import Bounds
from corral.job.limits import EXPIRES_IN, RETRIES, TIMEOUT

Name = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule's name.")]
INTERVAL, JITTER = Bounds(1, 316_224_000, "seconds"), Bounds(0, 86_400, "seconds")
CATCH_UP, PAUSE_AFTER = Bounds(0, 31_622_400, "seconds"), Bounds(1, 1_000, "failed jobs", whole=True)


def list_(as_json: AsJson = False) -> None:
    """List all schedules with their next times."""
    with client() as api:
        found = list(api.schedules.list())
    if as_json:
        print_json(found)
        return
    columns = (
        "schedule",
        "type",
        "times",
        "state",
        "next",
        "last",
        ">submitted",
        ">missed",
        ">skipped",
        ">refused",
    )
    print_table(columns, (_row(one) for one in found), none="no schedules")
    for one in found:
        for problem in one["problems"]:
            console(stderr=True).print(f"{one['name']}: {problem}", soft_wrap=True, markup=False)


def show(name: Name, as_json: AsJson = False) -> None:
    """Print a schedule, its next ten times, and why its last ticks had no job."""
    with client() as api:
        schedule, times, causes = api.schedules.get(name), api.schedules.times(name), api.schedules.why(name)
    if as_json:
        print_json({**schedule, "times": times, "why": causes})
        return
    rows = [(field, value) for field, value in schedule["definition"].items() if field != "payload"]
    rows += [(f"{field} (set)", value) for field, value in schedule["overrides"].items()]
    print_table(("field", "value"), rows, none="")
    _print_times(times)
    for cause in causes:
        console().print(f"{cause['message']}{_helps(cause)}", soft_wrap=True, markup=False)


def create(
    name: Name,
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="The job type that a tick submits.")],
    *,
    cron: Annotated[
        str | None, typer.Option(help="'30 2 * * *', six fields with seconds first, or @daily.")
    ] = None,
    interval: Annotated[
        float | None, real(INTERVAL, "Seconds between two ticks, in place of --cron.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="The time zone of the wall clock, as Europe/Berlin. Default: UTC.")
    ] = None,
    payload: Annotated[
        str | None, typer.Option(help="The payload as JSON; @FILE reads a file, - reads standard input.")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="One field of the payload, as for `corral jobs submit`."),
    ] = None,
    tick_field: Annotated[
        str | None, typer.Option(help="The field of the payload that gets the tick's time.")
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Another queue that the type allows.")] = None,
    priority: Annotated[str | None, typer.Option(help="critical, high, normal or low.")] = None,
    retries: Annotated[int | None, whole(RETRIES, "Tries after the first one.")] = None,
    timeout: Annotated[float | None, real(TIMEOUT, "Seconds one attempt may run.")] = None,
    expires_in: Annotated[
        float | None, real(EXPIRES_IN, "Seconds after which a job is cancelled unless it started.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag of its jobs. May be repeated.")] = None,
    twice: Annotated[
        str | None, typer.Option(help="What to do at a time that the clock shows twice: first or both.")
    ] = None,
    skipped: Annotated[
        str | None, typer.Option(help="What to do at a time that the clock leaves out: shift or skip.")
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="TIME", help="No tick before this time.")] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="No tick after this time.")] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="DATE[/DATE]", help="A day or a range of days without ticks.")
    ] = None,
    jitter: Annotated[
        float | None, real(JITTER, "Seconds within which jobs are spread after their tick.")
    ] = None,
    overlap: Annotated[
        str | None,
        typer.Option(
            help="While the last tick's job has not ended: skip, queue-one, queue-all, cancel or allow; skip."
        ),
    ] = None,
    catch_up: Annotated[
        float | None, real(CATCH_UP, "Seconds for which missed ticks are made up for; else the last one.")
    ] = None,
    pause_after: Annotated[
        int | None, whole(PAUSE_AFTER, "After so many failed jobs in a row it is paused.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a schedule and print its next ten times."""
    fields = {
        "cron": cron,
        "interval": interval,
        "zone": zone,
        "tick_field": tick_field,
        "queue": queue,
        "priority": priority,
        "retries": retries,
        "timeout": timeout,
        "expires_in": expires_in,
        "tags": tag,
        "twice": twice,
        "skipped": skipped,
        "start": start,
        "end": end,
        "excluded": without,
        "jitter": jitter,
        "overlap": overlap,
        "catch_up": catch_up,
        "pause_after": pause_after,
        "description": description,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    with client() as api:
        made = api.schedules.create(name, type_, payload_from(payload, field or [], None), **given)
        times = api.schedules.times(name)
    if as_json:
        print_json(made)
    else:
        _print_times(times)


def set_(
    name: Name,
    fields: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FIELD=VALUE...",
            help="cron='0 4 * * *', overlap=allow, payload='{\"a\": 1}'; FIELD= leaves the field out.",
        ),
    ] = None,
    reset: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help="Back to what was declared. May be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Set fields over what was declared; no deployment undoes it."""
    changes = option_values(fields or [], "FIELD=VALUE")
    if not changes and not reset:
        raise typer.BadParameter(
            "nothing to change: give FIELD=VALUE or --reset FIELD", param_hint="FIELD=VALUE"
        )
    with client() as api:
        schedule = api.schedules.set(name, reset=reset or (), **changes)
    print_list(
        schedule,
        as_json,
        ("field", "value"),
        sorted(schedule["overrides"].items()),
        none=f"nothing is set for {name}",
    )


def pause(
    name: Name,
    note: Annotated[str | None, typer.Option(help="Why; shown wherever the schedule is.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pause a schedule: nothing is submitted until it is resumed."""
    with client() as api:
        _said(api.schedules.pause(name, note), f"{name} is paused", as_json=as_json)


def resume(name: Name, as_json: AsJson = False) -> None:
    """Resume a schedule with the first tick after now."""
    with client() as api:
        schedule = api.schedules.resume(name)
    following = schedule["next_tick"]
    _said(schedule, f"{name} is resumed; next tick: {following or 'none'}", as_json=as_json)


def run(name: Name, as_json: AsJson = False) -> None:
    """Submit its job once, now, and print the job's id."""
    with client() as api:
        job = api.schedules.run(name)
    _said(job, job["id"], as_json=as_json)


def backfill(
    name: Name,
    start: Annotated[str, typer.Argument(metavar="START", help="A time, as 2026-10-01T00:00Z.")],
    end: Annotated[str, typer.Argument(metavar="END", help="A time, not in the future.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which ticks would have jobs.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Submit a job for each tick of a range of the past that has none."""
    with client() as api:
        plan = api.schedules.backfill(name, start, end, dry_run=True)
        if not dry_run:
            if not yes:
                typer.confirm(f"Submit {len(plan['submitted']):,} jobs?", abort=True, err=True)
            plan = api.schedules.backfill(name, start, end)
    print_list(
        plan, as_json, ("tick", "job"), ((one["tick"], one["job"]) for one in plan["submitted"]), none=""
    )
    verb = "would be submitted" if dry_run else "submitted"
    console().print(f"{plan['ticks']:,} ticks, {plan['had']:,} had jobs, {len(plan['submitted']):,} {verb}")


def delete(name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Delete a schedule; its jobs stay, and no deployment brings it back."""
    if not yes:
        typer.confirm(f"Delete the schedule {name}?", abort=True, err=True)
    with client() as api:
        api.schedules.delete(name)
    console().print(f"{name} is deleted")


def _said(value: Any, words: str, *, as_json: bool) -> None:
    if as_json:
        print_json(value)
    else:
        console().print(words, markup=False)


def _print_times(times: list[dict[str, Any]]) -> None:
    rows = ((one["at"], one["local"], one["clock_change"] or "") for one in times)
    print_table(("next times, UTC", "local", "clock change"), rows, none="no further times")


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    definition = one["definition"]
    every = definition.get("cron") or f"every {definition['interval']:g} s"
    state = "paused" if one["paused"] else "problem" if one["problems"] else ""
    counts = (one[name] for name in ("submitted", "missed", "skipped", "refused"))
    return (
        one["name"],
        definition["type"],
        every,
        state,
        ago(one["next_tick"]),
        ago(one["last_tick"]),
        *counts,
    )


def _helps(cause: dict[str, Any]) -> str:
    return f" ({cause['action']})" if cause.get("action") else ""
