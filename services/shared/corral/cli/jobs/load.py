"""`corral load`: submits many jobs, waits until they have ended, and prints throughput and times."""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from corral import json_codec
from corral.cli.jobs.causes import causes_of, print_causes
from corral.cli.jobs.follow import LIVE
from corral.cli.jobs.load_profile import MAX_BULK_JOBS, LoadProfile, parse_mix, percentile
from corral.cli.terminal.exit_codes import ExitCode
from corral.cli.terminal.number import real, whole
from corral.cli.terminal.output import AsJson, console, print_json, span, table_of
from corral.cli.terminal.session import client
from corral.client import Client
from corral.job.bounds import Bounds
from corral.job.load_mix import DEMO_PAYLOADS

COUNT = Bounds(1, 10_000_000, "jobs")
RATE = Bounds(0.01, 1_000_000, "jobs a second")
SEED = Bounds(0, 10**15)
DURATION = Bounds(0.1, 7 * 24 * 3600, "seconds")
POLL_SECONDS = 0.5
"""Seconds between two counts of the jobs that have not ended; at least three times as long as a count takes."""
NAP_SECONDS = 0.01
STILL_SECONDS = 10.0
"""Seconds without a job that runs or ends after which it is said why."""
PERCENTILES = (50, 95, 99)

Shown = Callable[[int, int], None]
"""Shows how many jobs were submitted and how many have ended."""


def load(
    count: Annotated[int, whole(COUNT, "How many jobs.")] = 1000,
    *,
    rate: Annotated[float | None, real(RATE, "Jobs a second; none: as fast as possible.")] = None,
    duration: Annotated[
        float | None,
        real(DURATION, "Seconds to go on at that rate, instead of a count."),
    ] = None,
    mix: Annotated[
        str | None,
        typer.Option(metavar="TYPE=WEIGHT,...", help="Job types and their weights; none: mixed demo jobs."),
    ] = None,
    payload: Annotated[str | None, typer.Option(help="The payload of every job, as JSON.")] = None,
    seed: Annotated[int, whole(SEED, "The same seed submits the same types in the same order.")] = 0,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until all have ended.")] = True,
    as_json: AsJson = False,
) -> None:
    """Submit many jobs at once or at a rate; print throughput and percentiles."""
    pace = _pace(count, rate, duration, mix, seed)
    body = None if payload is None else _payload(payload)
    tag = f"load-{secrets.token_hex(4)}"
    screen = console(stderr=as_json)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        TimeElapsedColumn(),
        console=screen,
        disable=not screen.is_terminal,
    )
    with client() as api, bar:
        sent, ended = bar.add_task("submitted", total=pace.count), bar.add_task("ended", total=pace.count)

        def show(submitted: int, gone: int) -> None:
            bar.update(sent, completed=submitted)
            bar.update(ended, completed=gone)

        latencies = submit_all(api, pace, tag, body, show)
        summary: dict[str, Any] = {"tag": tag, "submitted": pace.count, "submit": _spread(latencies)}
        if wait:
            wait_for_all(api, pace.count, tag, show, screen)
            summary |= summarise(pace.count, list(api.pages("/jobs", tag=tag)))
    if as_json:
        print_json(summary)
    else:
        _print(summary)
    if wait and summary["completed"] < pace.count:
        raise typer.Exit(ExitCode.JOB_FAILED)


def submit_all(api: Client, pace: LoadProfile, tag: str, payload: Any, show: Shown) -> list[float]:
    """Submit the jobs of a profile; returns the seconds that each call took."""
    types, sent, latencies = pace.types(), 0, []
    began = time.monotonic()
    while sent < pace.count:
        due = min(pace.due(time.monotonic() - began) - sent, MAX_BULK_JOBS)
        if due <= 0:
            time.sleep(NAP_SECONDS)
            continue
        jobs = [_submission(name, tag, payload) for name in islice(types, due)]
        called = time.monotonic()
        api.post("/jobs/bulk", {"jobs": jobs})
        latencies.append(time.monotonic() - called)
        sent += len(jobs)
        show(sent, 0)
    return latencies


def wait_for_all(api: Client, count: int, tag: str, show: Shown, screen: Console) -> None:
    """Wait until no job of the load is live. Where none runs or ends for a while, say once why."""
    before, since, told = count, time.monotonic(), False
    while True:
        looked = time.monotonic()
        live, running, one = 0, False, ""
        for job in api.pages("/jobs", tag=tag, state=LIVE):
            live, running, one = live + 1, running or job["state"] == "running", job["id"]
        show(count, count - live)
        if not live:
            return
        if running or live != before:
            before, since = live, looked
        elif not told and looked - since > STILL_SECONDS:
            told = True
            screen.print(f"no job has run for {STILL_SECONDS:g} s:")
            print_causes(screen, causes_of(api, one))
        time.sleep(max(POLL_SECONDS, 3 * (time.monotonic() - looked)))


def summarise(count: int, jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts and times of the jobs; `missing` are those that are no longer stored."""
    states = Counter(job["state"] for job in jobs)
    first = min((_moment(job["created_at"]) for job in jobs), default=0.0)
    last = max((_moment(job["finished_at"]) for job in jobs if job["finished_at"]), default=first)
    seconds = last - first
    return {
        **{name: states.get(name, 0) for name in ("completed", "failed", "cancelled")},
        "missing": count - len(jobs),
        "retried": sum(job["attempt"] > 1 for job in jobs),
        "seconds": round(seconds, 3),
        "throughput": round(len(jobs) / seconds, 1) if seconds > 0 else 0.0,
        "wait": _spread(list(_between(jobs, "queued_at", "started_at"))),
        "run": _spread(list(_between(jobs, "started_at", "finished_at"))),
    }


def _pace(count: int, rate: float | None, duration: float | None, mix: str | None, seed: int) -> LoadProfile:
    if duration is not None:
        if rate is None:
            raise typer.BadParameter("a duration needs a rate", param_hint="--duration")
        count = max(1, round(rate * duration))
        if (fault := COUNT.fault(count)) is not None:
            raise typer.BadParameter(f"rate times duration {fault}", param_hint="--duration")
    try:
        return (
            LoadProfile(count, rate, seed=seed)
            if mix is None
            else LoadProfile(count, rate, parse_mix(mix), seed)
        )
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--mix") from None


def _payload(text: str) -> Any:
    try:
        return json_codec.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint="--payload") from None


def _submission(name: str, tag: str, payload: Any) -> dict[str, Any]:
    return {"type": name, "payload": DEMO_PAYLOADS.get(name) if payload is None else payload, "tags": [tag]}


def _between(jobs: list[dict[str, Any]], start: str, end: str) -> Iterator[float]:
    for job in jobs:
        if job[start] and job[end]:
            yield max(0.0, _moment(job[end]) - _moment(job[start]))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _spread(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {f"p{percent}": round(percentile(ordered, percent), 6) for percent in PERCENTILES}


def _print(summary: dict[str, Any]) -> None:
    screen = console()
    if "completed" not in summary:
        screen.print(f"{summary['submitted']:,} submitted with the tag {summary['tag']}")
        return
    counts = ", ".join(
        f"{summary[name]:,} {name}"
        for name in ("completed", "failed", "cancelled", "missing", "retried")
        if summary[name] or name == "completed"
    )
    screen.print(f"{summary['submitted']:,} submitted with the tag {summary['tag']}: {counts}")
    screen.print(f"{summary['throughput']:,.0f} jobs a second over {span(summary['seconds'])}")
    rows = [
        (name, *(span(summary[name][f"p{percent}"]) for percent in PERCENTILES))
        for name in ("submit", "wait", "run")
    ]
    screen.print(table_of(("", *(f">p{percent}" for percent in PERCENTILES)), rows))
