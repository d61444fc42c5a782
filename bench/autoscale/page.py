"""The page of the documentation that shows the last tournament."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.autoscale import capacity, plot
from bench.autoscale.peers import grid as peers_grid
from bench.autoscale.reading import Standing, standing
from bench.autoscale.results import Results
from bench.autoscale.shape import SHAPES
from bench.autoscale.tournament import IDLE, SOONEST
from bench.autoscale.verdict import HIGH, MOST_STEP_OVERSHOOT, Contest, contests, goals
from bench.goal import Goal
from bench.measuring.child import ROOT
from bench.page import grid
from bench.section import Table

PAGE = ROOT / "docs" / "reference" / "autoscaling-benchmark.md"
PICTURES = PAGE.parent / "img"
TITLES = {shape.name: shape.title for shape in SHAPES}


@dataclass(frozen=True, slots=True)
class Titled:
    """A table and what it is of."""

    title: str
    table: Table


def write(results: Results) -> Iterator[Path]:
    """The page and its pictures; says which files."""
    found = contests(results.readings)
    PICTURES.mkdir(parents=True, exist_ok=True)
    for slots in dict.fromkeys(contest.slots for contest in found):
        path = PICTURES / f"autoscaling-frontier-{slots}.svg"
        path.write_text(plot.standing([c for c in found if c.slots == slots]).rendered())
        yield path
    for shape in dict.fromkeys(one.shape for one in results.seen):
        path = PICTURES / f"autoscaling-{shape}.svg"
        path.write_text(plot.over_time([one for one in results.seen if one.shape == shape]).rendered())
        yield path
    PAGE.write_text("\n\n".join(_parts(results, found)) + "\n")
    yield PAGE
    capacity.PAGE.write_text(capacity.markdown())
    yield capacity.PAGE


def standings(found: Sequence[Contest]) -> Iterator[Titled]:
    """A table per number of slots."""
    for slots in dict.fromkeys(contest.slots for contest in found):
        rows = tuple(_row(contest) for contest in found if contest.slots == slots)
        title = f"{slots} {'slot' if slots == 1 else 'slots'} per pod"
        columns = (
            "Shape", "Corral: p95 s / cost", "cheapest peer as soon", "Corral's cost is", "beaten by",
            "naive law", "wait allowed s", "reversals (naive)", "peak",
        )  # fmt: skip
        yield Titled(title, Table(columns, rows))


def _row(contest: Contest) -> tuple[str, ...]:
    equal = contest.equal
    return (
        contest.shape,
        _pair(contest.ours),
        _pair(equal) if equal else "none",
        f"{contest.cost_at_equal_wait:.2f} x" if equal else "",
        str(len(contest.beaten_by)),
        _pair(contest.naive),
        f"{contest.wait_allowed:.1f}",
        f"{contest.ours.reversals:.1f} ({contest.naive.reversals:.1f})",
        str(contest.ours.peak),
    )


def _pair(one: Standing) -> str:
    return f"{one.p95:.1f} / {one.cost:.2f}"


def _parts(results: Results, found: Sequence[Contest]) -> Iterable[str]:
    yield "# The autoscaler beside others"
    yield (
        "Made by `make bench-autoscale`, which runs the law of `corral.scaling` and its peers through one "
        "simulator of jobs, slots and pods; `python -m bench.autoscale page` writes this page from the last run. "
        "[How the law decides](../explanation/autoscaling.md) is told apart."
    )
    if results.quick:
        yield "**A quick run: one seed and a coarse grid of peers.**"
    peers = len(list(peers_grid(4, quick=results.quick)))
    yield (
        f"Run on {results.day} in {results.seconds / 60:.0f} minutes; seeds drawn from {results.seed} after the "
        f"law was frozen: {', '.join(map(str, results.seeds))}. {peers} peers for each number of slots: KEDA "
        "polling each 1 to 30 s for queued or for queued and running jobs, HPA on a queue's metric each 30 s, with "
        "several targets, windows of 0 to 300 s, and both ways up; and the naive law, a pod per so many jobs queued "
        "and running, which drains as Corral does. From 1 to 20 pods; objectives 10 s and 120 s, window 60 s."
    )
    yield (
        "**Wait** is the 95th percentile of the jobs' waits, **cost** is pod-seconds times slots over work: 1 would be "
        "slots that are paid for only while they work. Both are means over the seeds. A peer that interrupted a job "
        "is out of the comparison."
    )
    yield "## Goals"
    yield grid(_goals_table(list(goals(found))))
    yield "A goal that was missed stays in the table; what is behind each is under [What is missed](#what-is-missed)."
    yield "## Where every scaler stands"
    for titled in standings(found):
        slots = titled.title.split(" ", maxsplit=1)[0]
        yield f"### {titled.title}"
        yield f"![p95 wait and cost of every scaler, {titled.title}](img/autoscaling-frontier-{slots}.svg)"
        yield grid(titled.table)
    yield "## Over time"
    yield "Four slots per pod, the first seed. KEDA as it comes: polled each 30 s, Kubernetes' own policies."
    for shape in dict.fromkeys(one.shape for one in results.seen):
        yield f"**{TITLES[shape].capitalize()}** (`{shape}`)"
        yield f"![Pods over time: {TITLES[shape]}](img/autoscaling-{shape}.svg)"
    yield from _missed(found)


def _goals_table(judged: Sequence[Goal]) -> Table:
    return Table(
        ("Goal", "measured", "bound", ""),
        tuple((f"`{g.name}`", g.shown, f"{g.comparison} {g.shown_bound}", g.verdict) for g in judged),
    )


def _missed(found: Sequence[Contest]) -> Iterable[str]:
    yield "## What is missed"
    lines = [line for contest in found for line in _shortcomings(contest)]
    if all(goal.met for goal in goals(found)) and not lines:
        yield "Nothing."
        return
    yield "\n".join(lines)


def _shortcomings(contest: Contest) -> Iterator[str]:
    where = f"- `{contest.shape}`, slots {contest.slots}:"
    for peer in contest.beaten_by:
        yield f"{where} beaten by {peer.scaler} ({_pair(peer)} against {_pair(contest.ours)})."
    if contest.ours.p95 > contest.wait_allowed:
        yield f"{where} waits {contest.ours.p95:.1f} s, {contest.wait_allowed:.1f} s are allowed."
    if contest.equal and contest.cost_at_equal_wait > _dearest(contest):
        yield f"{where} costs {contest.cost_at_equal_wait:.2f} times {contest.equal.scaler}, which waits no longer."
    if contest.shape == "periodic" and contest.ours.cost > 6:
        one = standing(contest.runs[IDLE]).cost if IDLE in contest.runs else 0.0
        yield f"{where} costs {contest.ours.cost:.1f}; one pod, the minimum, that is always there costs {one:.1f}."
    if contest.shape == "spike" and contest.drained() > 1.12:
        soonest = contest.drained(SOONEST)
        yield (
            f"{where} with a drain of 1 s it takes {contest.drained():.2f} times as long as an oracle with the maximum; "
            f"asking for the maximum at the very moment of the burst takes {soonest:.2f} times as long."
        )
    if contest.overshoot > 1:
        yield f"{where} a peak of {contest.overshoot:.2f} times what is allowed."
    if contest.shape in HIGH and contest.step_overshoot > MOST_STEP_OVERSHOOT:
        yield f"{where} asks at first for {contest.step_overshoot:.2f} times what it soon needs."
    if contest.more_reversals > (0 if contest.shape == "minutes" else 1):
        yield f"{where} {contest.more_reversals:.1f} reversals more than the naive law."


def _dearest(contest: Contest) -> float:
    """Times the cost of the cheapest peer that waits no longer, that are allowed."""
    return 1.05 if contest.slots == 50 and contest.shape != "minutes" else 1.0
