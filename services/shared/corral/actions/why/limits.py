"""The limits that keep a job from running: which one, how much of it is in use, and which jobs hold it since when."""

from datetime import UTC, datetime

from corral.actions.why.cause import Cause
from corral.job.job import Job
from corral.job.limit_use import in_words, parsed
from corral.job.state import State
from corral.store import LimitState, SlotHolder, Store, WorkerState

HOLDERS_SHOWN = 5


async def limit_causes(store: Store, job: Job) -> list[Cause]:
    """Each limit that has no room for a job that is ready; nothing where none keeps it.

    Raises:
        Unavailable: Postgres is away.
    """
    if job.state is not State.QUEUED:
        return []
    states = await store.limit_claims.limits_of(job.id)
    causes = [await _cause_of(store, state) for state in states if state.closed]
    shares = {parsed(state.name)[0]: state.per_worker for state in states if state.per_worker is not None}
    for limit, most in shares.items():
        causes += await _busy_workers(store, job, limit, most)
    return causes


async def _cause_of(store: Store, state: LimitState) -> Cause:
    if state.declared and state.paused_at is not None:
        return _paused(state, state.paused_at, await store.limits.pause_reason(*parsed(state.name)))
    return _cause(
        state, await store.limit_claims.holders(state.name, HOLDERS_SHOWN + 1) if _full(state) else []
    )


async def _busy_workers(store: Store, job: Job, limit: str, most: int) -> list[Cause]:
    """That each worker of the queue runs as many jobs of the limit as each may; nothing where one has room."""
    runs = await store.limit_claims.by_worker(limit)
    workers = [
        one.name
        for one in await store.workers.list()
        if one.state is WorkerState.ACTIVE and job.queue in one.queues
    ]
    if not workers or any(runs.get(name, 0) < most for name in workers):
        return []
    shown = ", ".join(f"{name} runs {runs[name]}" for name in workers[:HOLDERS_SHOWN])
    return [
        Cause(
            "limit-per-worker",
            f"The limit {limit} lets each worker run {most}, and every worker of the queue does: {shown}.",
            "Wait, start another worker, or raise per_worker",
        )
    ]


def _full(state: LimitState) -> bool:
    return state.rate is None and state.declared and state.parked_until is None


def _cause(state: LimitState, holders: list[SlotHolder]) -> Cause:
    what = in_words(state.name)
    if not state.declared:
        return Cause(
            "limit-undeclared",
            f"The {what} was never declared, so nothing that takes from it starts.",
            "Start a worker whose code declares it",
        )
    if state.parked_until is not None and state.room < 0:
        return _parked(state, what)
    if state.most_at_once is not None and state.cost > state.most_at_once:
        return Cause(
            "limit-too-small",
            f"This job takes {state.cost:g} of the {what}, of which at most {state.most_at_once:g} can be taken at once:"
            " it can never start.",
            "Raise the rate, or cancel the job",
        )
    if state.rate is not None:
        left = max(0.0, state.room)
        return Cause(
            "limit-rate",
            f"The {what} lets {state.rate:g} start in {state.per:g} seconds; {left:g} is left, and this job takes "
            f"{state.cost:g}.",
            "Wait, or raise the rate",
        )
    if state.bound is not None and state.cost > state.bound:
        return Cause(
            "limit-too-small",
            f"This job takes {state.cost:g} of the {what}, which has {state.bound:g} in all: it can never start.",
            "Raise the limit, or cancel the job",
        )
    return Cause(
        "limit-full",
        f"The {what} is full: {state.in_use:g} of {state.bound:g} in use{_held(holders)}."
        + (
            " A job keeps its slot until it has ended, also while it waits to be tried again."
            * state.for_life
        ),
        "Wait for one of them to end, or raise the limit",
    )


def _paused(state: LimitState, since: datetime, reason: str | None) -> Cause:
    by, why = f" by {state.paused_by}" if state.paused_by else "", f": {reason}" if reason else ""
    return Cause(
        "limit-paused",
        f"The {in_words(state.name)} has been paused{by} since {_moment(since)}{why}.",
        "Resume the limit",
    )


def _parked(state: LimitState, what: str) -> Cause:
    assert state.parked_until is not None
    told = f", as job {state.parked_by} was told" if state.parked_by else ""
    why = f": {state.parked_reason}" if state.parked_reason else ""
    if state.probe is not None:
        return Cause(
            "limit-probed",
            f"The {what} was parked until {_moment(state.parked_until)}{told}{why}. Job {state.probe} goes first; its "
            "success lets the others start.",
            "Wait for that job, or resume the limit",
        )
    return Cause(
        "limit-parked",
        f"The {what} waits until {_moment(state.parked_until)}: the provider asked for that{told}{why}.",
        "Wait, or resume the limit",
    )


def _held(holders: list[SlotHolder]) -> str:
    if not holders:
        return ""
    named = [(one, f"the program {one.program}" if one.program else str(one.job)) for one in holders]
    told = [f"{name} since {_moment(one.since)}" if one.since else name for one, name in named]
    shown = ", ".join(told[:HOLDERS_SHOWN])
    return f", by {shown} and others" if len(told) > HOLDERS_SHOWN else f", by {shown}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
