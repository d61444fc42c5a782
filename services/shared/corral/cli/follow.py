"""`corral jobs watch` and `corral jobs logs --follow`: what happens, as it happens.

The job's row is the truth: events only say when to look again.
"""

import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from corral.cli.exits import Exit
from corral.cli.output import AsJson, console, print_json, span, state, table_of
from corral.cli.session import client
from corral.client import ENDED, Client, Unreachable

LOOK = 0.5
"""Seconds between two looks where no event comes."""
LIVE = ("blocked", "scheduled", "queued", "running")
ROWS = 30
"""Jobs that a live table shows."""


def watch(
    job_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The job; none: all that are live.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show progress until the job ends, or until no live job is left."""
    with client() as api:
        if job_id is None:
            _watch_all(api, as_json=as_json)
            return
        job = api.job(job_id)
        if as_json:
            for newest in changes(api, job):
                job = newest
                print_json(job, line=True)
        else:
            job = follow_to_end(api, job)
    if job["state"] != "completed":
        raise typer.Exit(Exit.JOB_FAILED)


def logs(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a job.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a job's log."""
    with client() as api:
        after = 0
        while True:
            ended = not follow or api.job(job_id)["state"] in ENDED
            for line in api.pages_of_log(job_id, after):
                after = line["seq"]
                if as_json:
                    print_json(line, line=True)
                else:
                    console().print(Text(f"{line['at']}  {line['text']}"))
            if ended:
                return
            time.sleep(LOOK)


def follow_to_end(api: Client, job: dict[str, Any]) -> dict[str, Any]:
    """Show one job's progress until it ends; the job as it ended."""
    screen = console()
    if not screen.is_terminal:
        for newest in changes(api, job):
            job = newest
            screen.print(Text(sentence(job)))
        return job
    bar = Progress(
        TextColumn("{task.fields[state]}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=screen,
    )
    with bar:
        task = bar.add_task("", total=100, state=job["state"])
        for newest in changes(api, job):
            job = newest
            done = 100 if job["state"] == "completed" else job.get("progress") or 0
            bar.update(
                task, completed=done, state=job["state"], description=job.get("progress_message") or ""
            )
    screen.print(Text(sentence(job)))
    return job


def changes(api: Client, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The job now and whenever it has changed, until it has ended."""
    yield job
    while job["state"] not in ENDED:
        time.sleep(LOOK / 5)
        newest = api.job(job["id"])
        if any(
            newest.get(name) != job.get(name) for name in ("state", "progress", "progress_message", "attempt")
        ):
            yield newest
        job = newest


def sentence(job: dict[str, Any]) -> str:
    """A job in one line."""
    words = [job["id"], job["type"], job["state"]]
    if job["state"] == "running" and job.get("progress") is not None:
        words.append(f"{job['progress']} % {job.get('progress_message') or ''}".rstrip())
    if job["state"] == "failed" and job.get("error"):
        words.append(f"{job['error'].get('type', '')}: {job['error'].get('message', '')}")
    return " ".join(words)


def _watch_all(api: Client, *, as_json: bool) -> None:
    """A live table of what is not ended; lines where there is no terminal."""
    known: dict[str, dict[str, Any]] = {}
    screen = console()
    with Live(console=screen, auto_refresh=False, transient=False) as live:
        while True:
            try:
                now = {job["id"]: job for job in api.pages("/jobs", limit=ROWS, state=LIVE)}
            except Unreachable as error:
                raise typer.Exit(Exit.AWAY) from error
            for job_id in known.keys() - now.keys():
                now_ended = api.job(job_id)
                if now_ended["state"] in ENDED:
                    _tell(live, now_ended, as_json=as_json)
            known = now
            if screen.is_terminal and not as_json:
                live.update(_table(list(known.values())), refresh=True)
            if not known:
                return
            time.sleep(LOOK)


def _tell(live: Live, job: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(job, line=True)
    else:
        live.console.print(
            Text.assemble(job["id"], " ", job["type"], " ", state(job["state"]), " ", span(_ran(job)))
        )


def _ran(job: dict[str, Any]) -> float | None:
    from datetime import datetime  # noqa: PLC0415

    if not job.get("started_at") or not job.get("finished_at"):
        return None
    return (
        datetime.fromisoformat(job["finished_at"]) - datetime.fromisoformat(job["started_at"])
    ).total_seconds()


def _table(jobs: list[dict[str, Any]]) -> Any:
    return table_of(
        ("id", "type", "queue", "state", ">progress", ""),
        (
            (
                job["id"],
                job["type"],
                job["queue"],
                state(job["state"]),
                f"{job.get('progress') or 0} %",
                job.get("progress_message") or "",
            )
            for job in jobs
        ),
    )
