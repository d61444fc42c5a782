"""The invariants, asked of the database, its witness, Redis, and the traces that the jobs left outside.

I7, the same job for the same idempotency key, has no test yet: there are no such keys so far.
"""

from collections import Counter

import psycopg
from tests.faults import witness
from tests.faults.system import ENDED, System
from tests.fixtures.waiting import eventually

from corral.dispatch import key_names
from corral.job.lane import lane_of, lanes_of
from corral.job.limit_use import parsed
from corral.job.priority import Priority
from corral.store.leader.finished_jobs import COUNTED

FLOW_SECONDS = 30
END_SECONDS = 120
EFFECTIVE = [
    "faults.work",
    "faults.limited",
    "faults.ample",
    "faults.call",
    "faults.rated",
    "faults.child",
    "faults.block",
    "faults.thread",
]
"""Types whose handlers leave an effect whenever they return."""


def check(system: System) -> None:
    """All of them, once the fault is over: new work flows, and all that was accepted ends."""
    work_flows(system)
    accepted_jobs_end(system)
    one_ending_per_life(system)
    starts_follow_claims(system)
    attempts_only_rise(system)
    entries_agree(system)
    counts_agree(system)
    limits_hold(system)


def work_flows(system: System, seconds: float = FLOW_SECONDS) -> None:
    """I6: what is submitted now, ends soon."""

    def submitted() -> bool:
        return bool(system.submit(3))

    eventually(submitted, timeout=seconds)
    newest = system.accepted[-3:]
    system.until_ended(newest, seconds=seconds)


def accepted_jobs_end(system: System) -> None:
    """I1: they are stored, and end."""
    stored = system.jobs()
    lost = [id for id in system.accepted if id not in stored]
    assert not lost, f"{len(lost)} accepted jobs are not in Postgres, such as {lost[0]}"
    system.until_ended(seconds=END_SECONDS)
    eventually(lambda: system.rows("SELECT 1 FROM corral.jobs WHERE state = 'running'") == [])


def one_ending_per_life(system: System) -> None:
    """I2: as the witness saw it, in the table's own steps; the statistics counted each once."""
    history = system.history()
    assert not (twice := witness.ended_twice(history)), f"lives that ended twice: {twice[:5]}"
    assert not (odd := witness.illegal(history)), f"steps that the table of transitions lacks: {odd[:5]}"
    counted = system.rows(
        """SELECT coalesce(sum(count), 0)::int AS n FROM (
               SELECT outcome, count FROM corral.job_stats_deltas
               UNION ALL SELECT outcome, count FROM corral.job_stats WHERE measure = 'run') s
           WHERE outcome = 'completed'"""
    )[0]["n"]
    completed = sum(change.after == "completed" for change in history)
    assert counted == completed, f"the statistics count {counted} completions, the witness {completed}"


def starts_follow_claims(system: System) -> None:
    """I3: each start has a claim of its own, and each completed job its effect."""
    starts = system.starts()
    twice = [start for start, times in Counter(starts).items() if times > 1]
    assert not twice, f"attempts that started twice: {twice[:5]}"
    claims = witness.claims(system.history())
    started = Counter(job for job, _ in starts)
    beyond = {job: times for job, times in started.items() if times > claims[job]}
    assert not beyond, f"more starts than claims: {beyond}"
    completed = system.rows(
        "SELECT id FROM corral.jobs WHERE state = 'completed' AND type = ANY(%s)", EFFECTIVE
    )
    missing = {str(row["id"]) for row in completed} - system.effects()
    assert not missing, f"{len(missing)} completed jobs have no effect"


def attempts_only_rise(system: System) -> None:
    """I4: by one at every claim, and what is recorded is the last attempt's."""
    backwards = witness.backwards(system.history())
    assert not backwards, f"attempts that moved otherwise: {backwards[:5]}"
    stale = system.rows(
        """SELECT id, attempt, result->>'attempt' AS wrote FROM corral.jobs
           WHERE state = 'completed' AND result->>'attempt' <> attempt::text"""
    )
    assert not stale, f"results of old attempts were accepted: {stale[:5]}"


def entries_agree(system: System) -> None:
    """I5: every queued row has exactly one entry, and there is no entry without a queued row."""
    eventually(lambda: _entries_agree(system), timeout=FLOW_SECONDS, ignoring=(psycopg.OperationalError,))


def _entries_agree(system: System) -> bool:
    rows = system.rows("SELECT id, queue, priority, suspect FROM corral.jobs WHERE state = 'queued'")
    wanted = Counter(
        (lane_of(row["queue"], Priority(row["priority"]), suspect=row["suspect"]).name, str(row["id"]))
        for row in rows
    )
    found: Counter[tuple[str, str]] = Counter()
    with system.redis() as client:
        for queue in system.rows("SELECT name FROM corral.queues"):
            for lane in lanes_of(queue["name"]):
                listed = client.lrange(key_names.LIST + lane.name, 0, -1)
                parked = client.zrange(key_names.PARKED + lane.name, 0, -1)
                found.update((lane.name, id.decode()) for id in [*listed, *parked])
    assert wanted == found, f"missing in Redis: {wanted - found}; too much there: {found - wanted}"
    return True


def counts_agree(system: System) -> None:
    """I8: what is counted of jobs that ended is what is stored: at rest, and in every snapshot before."""
    wrong = system.rows(
        f"""SELECT queue, type, state, s.count AS stored, c.count AS counted
            FROM (SELECT queue, type, state, count(*) AS count FROM corral.jobs
                  WHERE state IN ('completed', 'failed', 'cancelled') GROUP BY 1, 2, 3) s
            FULL JOIN (SELECT queue, type, state, sum(count) AS count FROM ({COUNTED}) e GROUP BY 1, 2, 3) c
            USING (queue, type, state)
            WHERE coalesce(s.count, 0) <> coalesce(c.count, 0)"""
    )
    assert not wrong, f"counts that are not those of the rows: {wrong[:5]}"


def limits_hold(system: System) -> None:
    """I9: no limit was exceeded at any moment, and no slot outlives its holder."""
    bounds = {
        (row["name"], option): float(value)
        for row in system.rows("SELECT name, declared FROM corral.limits")
        for option, value in row["declared"].items()
        if option in {"total", "each"} and value is not None
    }
    for row in system.rows(witness.MOST_AT_ONCE):
        limit, key = parsed(row["name"])
        bound = bounds.get((limit, "each" if key else "total"))
        assert bound is None or row["most"] <= bound + 1e-9, (
            f"{row['most']} of {row['name']} ran at once, not {bound}"
        )
    eventually(lambda: _slots_agree(system), timeout=FLOW_SECONDS, ignoring=(psycopg.OperationalError,))


def _slots_agree(system: System) -> bool:
    wrong = system.rows(
        """SELECT coalesce(k.name, r.name) AS name, k.in_use, r.runs FROM corral.limit_keys k FULL JOIN (
               SELECT u.name, sum(u.cost) AS runs FROM corral.jobs j
               CROSS JOIN LATERAL unnest(j.limits, j.costs) AS u(name, cost) WHERE j.state = 'running' GROUP BY 1
           ) r USING (name)
           JOIN corral.limits l ON l.name = split_part(coalesce(k.name, r.name), '=', 1) AND l.declared->>'rate' IS NULL
           WHERE abs(coalesce(k.in_use, 0) - coalesce(r.runs, 0)) > 1e-6"""
    )
    assert not wrong, f"slots without a holder, or holders without a slot: {wrong[:5]}"
    return True


def all_completed(system: System) -> None:
    """Nothing failed and nothing was cancelled."""
    states = system.states()
    assert set(states) == {"completed"}, states


__all__ = ["ENDED", "all_completed", "check", "work_flows"]
