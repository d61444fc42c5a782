"""How many jobs there are, by queue and state: exact, and as quick after ten million jobs as after ten.

What is live is counted through the partial index of its state. What has ended is never counted: endings are already
counted for the statistics, by the statement that writes them, and removals and retries by triggers; the leader folds
both into `job_counts` (docs/adr/0015). The three parts are added up in one snapshot.
"""

from corral.job.state import State
from corral.store.leader.backfills import ASK
from corral.store.leader.finished_jobs import COUNTED
from corral.store.limits.states import WAITS
from corral.store.postgres.database import SHORT, Database

# Jobs that wait for their limits are stored as blocked, and shown as queued.
LIVE = f"""
SELECT j.queue, 'queued', count(*) FROM corral.jobs j WHERE j.state = 'queued' GROUP BY 1
UNION ALL
SELECT j.queue, 'running', count(*) FROM corral.jobs j WHERE j.state = 'running' GROUP BY 1
UNION ALL
SELECT j.queue, 'scheduled', count(*) FROM corral.jobs j WHERE j.state = 'scheduled' GROUP BY 1
UNION ALL
SELECT j.queue, 'blocked', count(*) FROM corral.jobs j WHERE j.state = 'blocked' GROUP BY 1
UNION ALL
SELECT l.queue, s.state, s.sign * l.count
FROM (SELECT j.queue, count(*) FROM corral.jobs j WHERE {WAITS} GROUP BY 1) l
CROSS JOIN (VALUES ('queued', 1), ('blocked', -1)) AS s(state, sign)
"""
BY_QUEUE = f"{LIVE} UNION ALL SELECT e.queue, e.state, sum(e.count)::int8 FROM ({COUNTED}) e GROUP BY 1, 2"
# For as long as the backfill after an upgrade is not done. A statement of its own: its plan has parallel workers.
ROW_BY_ROW = f"""{LIVE} UNION ALL
SELECT j.queue, j.state, count(*) FROM corral.jobs j WHERE j.state IN ('completed', 'failed', 'cancelled') GROUP BY 1, 2
"""


class StateCounts:
    """Counts the jobs of each queue in each state."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def counts(self) -> dict[State, int]:
        """Stored jobs per state; every state is there.

        Raises:
            Unavailable: Postgres is away.
        """
        totals = dict.fromkeys(State, 0)
        for states in (await self.counts_by_queue()).values():
            for state, count in states.items():
                totals[state] += count
        return totals

    async def counts_by_queue(self) -> dict[str, dict[State, int]]:
        """The same per queue; what is zero may be missing.

        Raises:
            Unavailable: Postgres is away.
        """
        ((done,),), rows = await self._database.together((ASK, {}), (BY_QUEUE, {}), limits=SHORT)
        if not done:
            rows = await self._database.run(ROW_BY_ROW)
        queues: dict[str, dict[State, int]] = {}
        for queue, state, count in rows:
            states = queues.setdefault(queue, {})
            states[State(state)] = states.get(State(state), 0) + count
        return queues
