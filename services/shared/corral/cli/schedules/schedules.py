"""`corral schedules`: its commands, and when a cron expression has its times."""

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from corral.cli.schedules import actions as schedule_actions
from corral.cli.terminal.choice import choice
from corral.cli.terminal.number import whole
from corral.cli.terminal.output import AsJson, print_json, print_table
from corral.errors import FieldError, InvalidInput
from corral.job.bounds import Bounds
from corral.schedule.clock_change import Skipped, Twice
from corral.schedule.cron import Cron
from corral.schedule.days import dates_of
from corral.schedule.timetable import Dates, Timetable

app = typer.Typer(help="See, make, change, pause, run and backfill schedules.", no_args_is_help=True)
SHOWN_TIMES = Bounds(1, 1_000, "times")
app.command("list")(schedule_actions.list_)
app.command("show")(schedule_actions.show)
app.command("create")(schedule_actions.create)
app.command("set")(schedule_actions.set_)
app.command("pause")(schedule_actions.pause)
app.command("resume")(schedule_actions.resume)
app.command("run")(schedule_actions.run)
app.command("backfill")(schedule_actions.backfill)
app.command("delete")(schedule_actions.delete)


@app.command()
def preview(
    cron: Annotated[
        str, typer.Argument(metavar="CRON", help="'30 2 * * *', six fields with seconds first, or @daily.")
    ],
    *,
    zone: Annotated[str, typer.Option(help="The time zone of the wall clock, as Europe/Berlin.")] = "UTC",
    after: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Show times after this one, as 2026-10-24T12:00Z; else now."),
    ] = None,
    count: Annotated[int, whole(SHOWN_TIMES, "How many times to show.")] = 10,
    twice: Annotated[
        Twice | None,
        choice(
            Twice,
            "What to do at a time that the clock shows twice. Default: first, and both where the hour is *.",
        ),
    ] = None,
    skipped: Annotated[
        Skipped, choice(Skipped, "What to do at a time that the clock leaves out: shift it, or skip it.")
    ] = Skipped.SHIFT,
    without: Annotated[
        list[str] | None, typer.Option(metavar="DATE[/DATE]", help="A day or a range of days without ticks.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the next times of a cron expression, with those that a clock change moves or repeats marked."""
    timetable = Timetable(
        every=Cron.parse(cron, new=True),
        zone=_zone(zone),
        twice=twice,
        skipped=skipped,
        excluded=[_dates(text) for text in without or ()],
    )
    ticks = list(islice(timetable.ticks(_moment(after) if after else datetime.now(UTC)), count))
    if as_json:
        print_json([{"at": tick.at.isoformat(), "clock_change": tick.mark} for tick in ticks])
        return
    rows = (
        (
            f"{tick.at:%Y-%m-%d %H:%M:%S}",
            f"{tick.at.astimezone(timetable.zone):%a %Y-%m-%d %H:%M:%S %z}",
            tick.mark or "",
        )
        for tick in ticks
    )
    print_table(("UTC", zone, "clock change"), rows, none="no times")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones, as Europe
        raise InvalidInput(FieldError("/zone", f"{name!r} is no time zone; one is Europe/Berlin")) from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(FieldError("/after", f"{text!r} is no time, as 2026-10-24T12:00Z")) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _dates(text: str) -> Dates:
    try:
        return dates_of(text, new=True)
    except ValueError as error:
        raise InvalidInput(FieldError("/without", str(error))) from None
