"""`corral jobs watch` and `corral jobs logs --follow`: show changes of jobs as they happen."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from corral.cli.terminal.exit_codes import ExitCode
from corral.cli.terminal.output import AsJson, console, print_json, span, state, table_of
from corral.cli.terminal.session import client
from corral.http_client.api_request import path_of
from corral.job.state import TERMINAL

if TYPE_CHECKING:
    from rich.console import Console

    from corral.client import Client

POLL_SECONDS = 0.5
"""Seconds between two reads of all live jobs."""
LIVE = ("blocked", "scheduled", "queued", "running")
MAX_ROWS = 30
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
            for newest in snapshots(api, job):
                job = newest
                print_json(job, line=True)
        else:
            job = follow_to_end(api, job)
    if job["state"] != "completed":
        raise typer.Exit(ExitCode.JOB_FAILED)


def logs(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a job.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a job's log."""
    screen = console()
    with client() as api:
        lines = (data for kind, data in api.follow(job_id) if kind == "log") if follow else _log(api, job_id)
        for line in lines:
            if as_json:
                print_json(line, line=True)
            else:
                screen.print(Text(_line(line)), soft_wrap=True)


def snapshots(api: "Client", job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The job whenever it has changed, without its payload, until it has ended."""
    if job["state"] in TERMINAL:
        yield job
        return
    for kind, data in api.follow(job["id"]):
        if kind == "job":
            yield data


def follow_to_end(api: "Client", job: dict[str, Any]) -> dict[str, Any]:
    """Show one job's progress until it ends; returns the ended job."""
    screen = console()
    if not screen.is_terminal:
        for newest in snapshots(api, job):
            job = newest
            screen.print(Text(sentence(job)), soft_wrap=True)
        return job
    from rich.progress import (  # noqa: PLC0415  only a terminal sees it
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

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
        for newest in snapshots(api, job):
            job = newest
            done = 100 if job["state"] == "completed" else job["progress"]
            bar.update(task, completed=done, state=job["state"], description=job["progress_message"] or "")
    screen.print(Text(sentence(job)), soft_wrap=True)
    return job


def sentence(job: dict[str, Any]) -> str:
    """A job in one line."""
    words = [job["id"], job["type"], job["state"]]
    if job["state"] == "running":
        words.append(f"{job['progress']} % {job['progress_message'] or ''}".rstrip())
    if job["state"] == "failed" and job["error"]:
        words.append(f"{job['error'].get('type', '')}: {job['error'].get('message', '')}")
    return " ".join(words)


def _line(line: dict[str, Any]) -> str:
    """A line of a log: when, what, and its fields."""
    fields = " ".join(f"{name}={value}" for name, value in (line["fields"] or {}).items())
    return f"{datetime.fromisoformat(line['at']).astimezone():%H:%M:%S}  {line['text']}  {fields}".rstrip()


def _log(api: "Client", job_id: str) -> Iterator[dict[str, Any]]:
    after: int | None = 0
    while after is not None:
        page = api.get(path_of("jobs", job_id, "logs"), after=after)
        yield from page["items"]
        after = page["next"]


def _watch_all(api: "Client", *, as_json: bool) -> None:
    """Show a live table of the jobs that have not ended; lines where there is no terminal."""
    from rich.live import Live  # noqa: PLC0415  no other command needs it

    known: set[str] = set()
    screen = console()
    with Live(console=screen, auto_refresh=False, transient=True) as live:
        while True:
            now = list(api.pages("/jobs", limit=MAX_ROWS, state=LIVE))
            for job_id in known - {job["id"] for job in now}:
                ended = api.job(job_id)
                if ended["state"] in TERMINAL:
                    _tell(screen, ended, as_json=as_json)
            known = {job["id"] for job in now}
            if screen.is_terminal and not as_json:
                live.update(_table(now), refresh=True)
            if not known:
                break
            time.sleep(POLL_SECONDS)
    if not as_json:
        screen.print("no live job is left")


def _tell(screen: "Console", job: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(job, line=True)
    else:
        parts = (job["id"], " ", job["type"], " ", state(job["state"]), " ", span(_seconds(job)))
        screen.print(Text.assemble(*parts), soft_wrap=True)


def _seconds(job: dict[str, Any]) -> float | None:
    """How long the last attempt ran."""
    if not job["started_at"] or not job["finished_at"]:
        return None
    began, ended = (datetime.fromisoformat(job[name]) for name in ("started_at", "finished_at"))
    return (ended - began).total_seconds()


def _table(jobs: list[dict[str, Any]]) -> Any:
    columns = ("id", "type", "queue", "state", ">progress", "")
    rows = (
        (
            job["id"],
            job["type"],
            job["queue"],
            state(job["state"]),
            f"{job['progress']} %",
            job["progress_message"],
        )
        for job in jobs
    )
    return table_of(columns, rows)
