"""The ids of the jobs that a list may show, newest first, from the indexes alone.

Ids are in order of submission. What has ended is found through jobs_history, one (queue, type, state) at a time, or
through jobs_ended_badly; what is live through the partial index of its state, which is read whole and sorted: it
lies in no order of ids, and holds the live jobs alone. OFFSET 0 keeps the bounds of the page out of that, or the
planner would rather walk along all ids in the hope of meeting live ones soon.
"""

from corral.job.state import TERMINAL, State
from corral.store.jobs.filter import HELD, INDEXED, READ, JobFilter, conditions
from corral.store.leader.finished_jobs import PAIRS
from corral.store.limits.states import SHOWN, WAITS

BOUNDS = "j.id < %(below)s AND j.id >= %(above)s"
OF_STATES = f"{SHOWN} = ANY(%(states)s::text[])"

LIVE = {
    State.BLOCKED: (f"j.state = 'blocked' AND NOT coalesce({WAITS}, false)",),
    State.SCHEDULED: ("j.state = 'scheduled'",),
    State.QUEUED: ("j.state = 'queued'", WAITS),
    State.RUNNING: ("j.state = 'running'",),
}
"""The conditions of live jobs that are shown in a state, each as an index has it."""


def newest(wanted: JobFilter) -> str:
    """The query for the `look` newest ids within the bounds."""
    if not (wanted.type or wanted.queue) and wanted.wanted_states == frozenset(State):
        return f"SELECT j.id FROM corral.jobs j WHERE {BOUNDS} ORDER BY j.id DESC LIMIT %(look)s"
    ended = wanted.wanted_states & TERMINAL
    parts = [
        _live(wanted, where) for state in sorted(wanted.wanted_states - TERMINAL) for where in LIVE[state]
    ]
    by_pair = State.COMPLETED in ended or wanted.queue or wanted.type
    parts += [_of_pairs(wanted, state) if by_pair else _ended_badly(state) for state in sorted(ended)]
    union = " UNION ALL ".join(f"({part})" for part in parts)
    pairs = PAIRS if ended and by_pair else ""
    return f"{pairs} SELECT id FROM ({union}) j ORDER BY id DESC LIMIT %(look)s"


def looked_through(wanted: JobFilter) -> str:
    """The `look` newest with their rows: those that fit, then how many there were and the oldest.

    Where most jobs are in question they are read in the order of their ids, state and all.
    """
    checks = " AND ".join(conditions(wanted, HELD, READ))
    if not (wanted.type or wanted.queue) and State.COMPLETED in wanted.wanted_states:
        looked = f"""
        SELECT j.id, coalesce({checks}, false) AND {OF_STATES} AS fits FROM corral.jobs j
        WHERE {BOUNDS} ORDER BY j.id DESC LIMIT %(look)s
        """
    else:
        looked = f"""
        SELECT c.id, j.fits FROM ({newest(wanted)}) c CROSS JOIN LATERAL (
            SELECT coalesce({checks}, false) AS fits FROM corral.jobs j WHERE j.id = c.id OFFSET 0
        ) j
        """
    return f"""
    WITH looked AS MATERIALIZED ({looked})
    (SELECT id, NULL::int8 FROM looked WHERE fits ORDER BY id DESC LIMIT %(rows)s)
    UNION ALL
    SELECT min(id::text)::uuid, count(*) FROM looked
    """


def held(wanted: JobFilter) -> str:
    """All ids that one tag or field has, unless there are more than `most`: those that fit, and how many there were.

    One alone: of what two tell, `gin_fuzzy_search_limit` would leave too little.
    """
    checks = [*conditions(wanted, INDEXED, HELD, READ), BOUNDS, OF_STATES]
    return f"""
    WITH candidates AS MATERIALIZED (
        SELECT j.id FROM corral.jobs j WHERE {_one(wanted)} LIMIT %(most)s + 1
    ), looked AS MATERIALIZED (
        SELECT c.id, j.fits FROM candidates c CROSS JOIN LATERAL (
            SELECT coalesce({" AND ".join(checks)}, false) AS fits FROM corral.jobs j WHERE j.id = c.id OFFSET 0
        ) j WHERE (SELECT count(*) FROM candidates) <= %(most)s
    )
    (SELECT id, NULL::int8 FROM looked WHERE fits ORDER BY id DESC LIMIT %(rows)s)
    UNION ALL
    SELECT NULL, count(*) FROM candidates
    """


def guessed(wanted: JobFilter) -> str:
    """How many the planner thinks that tag or field tells: of what is common it knows well how common it is."""
    return f"EXPLAIN (FORMAT JSON) SELECT FROM corral.jobs j WHERE {_one(wanted)}"


def _one(wanted: JobFilter) -> str:
    return HELD["tag"] if wanted.tag else "j.search @> %(one_field)s::jsonb"


# Where the slice of so many ids begins; nothing where there are fewer.
EDGE = f"SELECT j.id FROM corral.jobs j WHERE {BOUNDS} ORDER BY j.id DESC OFFSET %(look)s - 1 LIMIT 1"


def of_slice(wanted: JobFilter) -> str:
    """Those that fit of a slice of ids: two indexes together tell which rows to read, so that most are not."""
    first = " AND ".join([BOUNDS, *conditions(wanted, HELD)])
    checks = " AND ".join([*conditions(wanted, INDEXED, READ), OF_STATES])
    return f"""
    WITH hits AS MATERIALIZED (
        SELECT j.id, coalesce({checks}, false) AS fits FROM corral.jobs j WHERE {first}
    )
    SELECT id FROM hits WHERE fits ORDER BY id DESC LIMIT %(rows)s
    """


def _live(wanted: JobFilter, state: str) -> str:
    where = " AND ".join([state, *conditions(wanted, INDEXED)])
    return f"""
    SELECT j.id FROM (SELECT j.id FROM corral.jobs j WHERE {where} OFFSET 0) j
    WHERE {BOUNDS} ORDER BY j.id DESC LIMIT %(look)s
    """


def _ended_badly(state: State) -> str:
    return f"SELECT j.id FROM corral.jobs j WHERE j.state = '{state}' AND {BOUNDS} ORDER BY j.id DESC LIMIT %(look)s"


def _of_pairs(wanted: JobFilter, state: State) -> str:
    """The newest of every queue and type that fits."""
    of_pair = conditions(wanted, {name: text.replace("j.", "p.") for name, text in INDEXED.items()})
    return f"""
    SELECT newest.id FROM pairs p CROSS JOIN LATERAL (
        SELECT j.id FROM corral.jobs j
        WHERE j.queue = p.queue AND j.type = p.type AND j.state = '{state}' AND {BOUNDS}
        ORDER BY j.id DESC LIMIT %(look)s
    ) newest WHERE {" AND ".join(["true", *of_pair])}
    """
