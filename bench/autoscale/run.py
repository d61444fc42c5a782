"""Runs the tournament, prints a table per number of slots and a line per goal, and keeps what was found."""

import argparse
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.autoscale import limits, page
from bench.autoscale.results import Results
from bench.autoscale.seen import seen
from bench.autoscale.shape import SHAPES, Shape, traced
from bench.autoscale.tournament import SLOTS, Heat, readings, seeds
from bench.autoscale.verdict import contests, goals
from bench.page import grid

FULL_SEEDS, QUICK_SEEDS = 5, 1


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 when every goal was met, 1 when one was missed."""
    options = _parser().parse_args(arguments)
    if options.what == "page":
        for path in page.write(Results.load()):
            print(f"wrote {path}")
        return 0
    results = _run(options.seed, options.trace, quick=options.quick)
    found = contests(results.readings)
    for table in page.standings(found):
        print(f"\n{table.title}\n{grid(table.table)}")
    print()
    before_limits = list(limits.runs(results.seeds[0]))
    slower = max(limits.unbound(results.seeds[0], limits.SLOTS[1:2] if options.quick else limits.SLOTS))
    print(f"Limits\n{grid(limits.table(before_limits))}\n")
    judged = [*goals(found), *limits.goals(before_limits, slower)]
    for goal in judged:
        print(goal.line())
    if not results.quick:
        results.save()
    return 0 if all(goal.met for goal in judged) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.autoscale", description=__doc__)
    parser.add_argument(
        "what", nargs="?", choices=["run", "page"], default="run",
        help="`page` writes the documentation from the last whole run",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="one seed, a coarse grid of peers")
    parser.add_argument(
        "--seed", type=int, default=int(f"{datetime.now(UTC):%Y%m%d}"),
        help="from which the seeds of the loads are drawn; the date where nothing is said",
    )  # fmt: skip
    parser.add_argument(
        "--trace", type=lambda text: traced(Path(text)), action="append", default=[], metavar="FILE",
        help="another load: CSV with the columns arrival and service, in seconds",
    )  # fmt: skip
    return parser


def _run(seed: int, traces: Sequence[Shape], *, quick: bool) -> Results:
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True)

    drawn = seeds(seed, QUICK_SEEDS if quick else FULL_SEEDS)
    say(f"seed {seed}: {', '.join(map(str, drawn))}")
    heats = [
        Heat(shape, slots, one, quick) for shape in (*SHAPES, *traces) for slots in SLOTS for one in drawn
    ]
    found = readings(heats, say)
    say("drawing")
    pictures = seen(drawn[0])
    say("done")
    return Results(
        datetime.now(UTC).date().isoformat(), seed, quick, drawn, time.monotonic() - began, found, pictures
    )
