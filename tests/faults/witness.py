"""A witness in the database: every change of a job's state, attempt or ending, as it was committed.

A trigger of the tests writes it, so that what the statements of the store really did can be read
afterwards, whatever they and the workers say of it.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from corral.job.state import TERMINAL, TRANSITIONS, State

INSTALL = """
CREATE TABLE public.history (
    n bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    job uuid NOT NULL, life int NOT NULL, attempt int NOT NULL, before text NOT NULL, after text NOT NULL,
    earlier int NOT NULL, holder uuid
);
CREATE FUNCTION public.shown(j corral.jobs) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN j.state = 'blocked' AND j.limit_group IS NOT NULL AND j.queued_at IS NOT NULL THEN 'queued'
           ELSE j.state END
$$;
CREATE FUNCTION public.witness() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.history (job, life, attempt, before, after, earlier, holder)
    VALUES (NEW.id, NEW.life, NEW.attempt, public.shown(OLD), public.shown(NEW), OLD.attempt,
            coalesce(NEW.worker, OLD.worker));
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER UPDATE ON corral.jobs FOR EACH ROW
WHEN (OLD.state <> NEW.state OR OLD.attempt <> NEW.attempt OR OLD.finished_at IS DISTINCT FROM NEW.finished_at)
EXECUTE FUNCTION public.witness();
"""
"""Run once, in a database with the newest schema. A limited job that is ready is stored as blocked, and is a queued one."""

# Claims and ends of what takes of a limit are one after the other, under the lock of its row: so are these times.
MOST_AT_ONCE = """
WITH steps AS (
    SELECT u.name, h.at, h.n, CASE WHEN h.after = 'running' THEN u.cost ELSE -u.cost END AS change
    FROM public.history h JOIN corral.jobs j ON j.id = h.job CROSS JOIN LATERAL unnest(j.limits, j.costs) AS u(name, cost)
    WHERE h.after = 'running' OR h.before = 'running'
)
SELECT name, max(running)::float8 AS most FROM (
    SELECT name, sum(change) OVER (PARTITION BY name ORDER BY at, change, n) AS running FROM steps
) s GROUP BY name ORDER BY name
"""
"""The most of each limit and key that was ever in use at once."""

LEGAL = frozenset((row.before, row.after) for row in TRANSITIONS if row.before is not None)


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change of one job."""

    job: str
    life: int
    before: State
    after: State
    earlier: int
    """The attempt before."""
    attempt: int


def changes(rows: list[dict[str, Any]]) -> list[Change]:
    """The rows of public.history, in their order."""
    return [
        Change(
            str(row["job"]),
            row["life"],
            State(row["before"]),
            State(row["after"]),
            row["earlier"],
            row["attempt"],
        )
        for row in rows
    ]


def illegal(history: list[Change]) -> list[Change]:
    """Changes that the table of transitions does not have."""
    return [
        change for change in history if (change.before, change.after) not in LEGAL and not was_shelved(change)
    ]


def was_shelved(change: Change) -> bool:
    """Whether a queued job was put into its group, because nobody had known what it takes of limits."""
    return change.before is change.after is State.QUEUED and change.attempt == change.earlier


def ended_twice(history: list[Change]) -> list[tuple[str, int]]:
    """Lives with more than one ending."""
    endings = Counter((change.job, change.life) for change in history if change.after in TERMINAL)
    return [life for life, times in endings.items() if times > 1]


def backwards(history: list[Change]) -> list[Change]:
    """Changes where the attempt did anything but rise by one at a claim, fall from one to none where it was put back, and stay otherwise."""
    return [
        change
        for change in history
        if change.attempt - change.earlier
        != (change.before is State.QUEUED and change.after is State.RUNNING)
        and not was_put_back(change)
    ]


def was_put_back(change: Change) -> bool:
    """Whether a claim was undone whose handler never began: whether it did, `starts_follow_claims` knows."""
    step = (change.before, change.after, change.earlier, change.attempt)
    return step == (State.RUNNING, State.QUEUED, 1, 0)


def claims(history: list[Change]) -> Counter[str]:
    """How often each job was claimed."""
    return Counter(change.job for change in history if change.after is State.RUNNING)
