"""Runs the parts that were asked for, prints a line per goal, and keeps what was found."""

import argparse
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from bench import page, servers
from bench.effort import FULL, QUICK, Effort
from bench.history import measure as history
from bench.measuring import machine
from bench.page import Results
from bench.parts import (
    areas,
    batches,
    busy,
    fair,
    feeds,
    hotpath,
    idle,
    job_log,
    limits,
    million,
    schedules,
    small,
    snapshot,
    starting,
    streams,
    submission,
    throughput,
)
from bench.section import Section

PARTS: dict[str, Callable[[servers.Servers, Effort, Callable[[str], None]], Section]] = {
    "throughput": throughput.measure,
    "busy": busy.measure,
    "small": small.measure,
    "idle": idle.measure,
    "log": job_log.measure,
    "http": submission.measure,
    "streams": streams.measure,
    "starting": starting.measure,
    "million": million.measure,
    "snapshot": snapshot.measure,
    "history": history.measure,
    "areas": areas.measure,
    "batches": batches.measure,
    "limits": limits.measure,
    "fair": fair.measure,
    "schedules": schedules.measure,
    "feeds": feeds.measure,
}


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 when every goal of these parts was met, 1 when one was missed, 2 when a part failed."""
    options = _parser().parse_args(arguments)
    if options.what == ["page"]:
        page.PAGE.parent.mkdir(parents=True, exist_ok=True)
        page.PAGE.write_text(page.markdown(Results.load()))
        print(f"wrote {page.PAGE}")
        return 0
    if options.what == ["profile"]:
        _quiet()
        with servers.running() as running:
            print(hotpath.profile(running, print))
        return 0
    chosen = [name for name in PARTS if "all" in options.what or name in options.what]
    results = _measure(chosen, QUICK if options.quick else FULL)
    sections = results.sections.values()
    goals = [goal for section in sections for goal in section.goals]
    for section in sections:
        for table in section.tables:
            print(f"\n{page.grid(table)}")
    print()
    for goal in goals:
        print(goal.line())
    if len(sections) < len(chosen):
        return 2
    return 0 if all(goal.met for goal in goals) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "what",
        nargs="*",
        choices=["all", *PARTS, "page", "profile"],
        default="all",
        help="parts to measure; `page` writes the documentation from what each part found last, "
        "`profile` shows where the worker's time goes",
    )
    parser.add_argument("--quick", action="store_true", help="fewer jobs, one lap: a look in a few minutes")
    return parser


def _measure(names: Sequence[str], effort: Effort) -> Results:
    """What these parts find. Each is kept as soon as it has ended, beside what others found before."""
    _quiet()
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True)

    with servers.running() as running:
        described = machine.describe(running)
        for name, fact in described.items():
            say(f"{name}: {fact}")
        results = Results(datetime.now(UTC).date().isoformat(), effort is QUICK, described, {})
        for name in names:
            say(f"-- {name}")
            try:
                found = {**results.sections, name: PARTS[name](running, effort, say)}
            except Exception as error:  # noqa: BLE001 - the other parts still tell something
                say(f"{name} failed: {error}")
                continue
            results = replace(results, sections=found)
            results.beside(Results.earlier(), PARTS).save()
        say("done")
    return results


def _quiet() -> None:
    """Without the events of Corral's own code in this process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
