"""Which of the leader's duties have something to do: asked for all of them in one statement."""

from collections.abc import Mapping

from corral.store.limits.evaluations import STALE
from corral.store.limits.states import UNEVALUATED, WAITS
from corral.store.postgres.database import Database, Limits
from corral.store.workers.drains import POOL

LOOK = Limits(statement=2.0, lock=1.0)
"""Short: while it waits, no duty is woken."""
AHEAD_SECONDS = 3
"""Seconds before a job or a tick is due from which on its duty looks for itself: longer than a look may take."""

# Each through the index that the duty's own statement reads.
_CONDITIONS: Mapping[str, str] = {
    "promote": f"""EXISTS (
        SELECT FROM corral.jobs j
        WHERE j.state = 'scheduled' AND j.run_at <= now() + interval '{AHEAD_SECONDS} seconds')""",
    "webhooks": """EXISTS (
        SELECT FROM corral.webhook_deliveries d WHERE d.sent_by IS NULL AND d.status = 'pending')""",
    "feeds": """EXISTS (
        SELECT FROM corral.feed_sources f WHERE f.state = 'active' AND f.next_fetch_at <= now())""",
    "schedules": f"""EXISTS (
        SELECT FROM corral.schedules s
        WHERE s.due_at <= now() + interval '{AHEAD_SECONDS} seconds' AND s.due_at IS NOT NULL AND s.paused_at IS NULL AND s.deleted_at IS NULL)
    OR EXISTS (
        SELECT FROM corral.schedules s WHERE s.waiting > 0 AND s.paused_at IS NULL AND s.deleted_at IS NULL)""",
    "unique-keys": """EXISTS (
        SELECT FROM corral.unique_keys x WHERE x.waiting IS NOT NULL)
    OR EXISTS (
        SELECT FROM corral.keyed_follow_ups)""",
    "limits": """EXISTS (
        SELECT FROM corral.limit_leases l WHERE l.expires_at < clock_timestamp())
    OR EXISTS (
        SELECT FROM corral.limit_keys k WHERE k.holder IS NOT NULL)""",
    "limit-evaluation": f"""EXISTS (
        SELECT FROM corral.jobs j WHERE {WAITS} AND j.limit_group = '{UNEVALUATED}')
    OR EXISTS ({STALE})""",
    "expire": """EXISTS (
        SELECT FROM corral.jobs j WHERE j.expires_at <= now() AND j.expires_at IS NOT NULL
          AND j.state IN ('blocked', 'scheduled', 'queued') AND j.attempt = 0)""",
    "pools": f"""EXISTS (
        SELECT FROM corral.workers w
        WHERE w.state IN ('active', 'draining') AND w.state = 'draining' AND starts_with(w.drained_by, '{POOL}'))""",
}
LOOKED_FOR = frozenset(_CONDITIONS)
"""The names of the duties for which is looked."""
_LOOK = "SELECT " + ",\n".join(_CONDITIONS.values())


class DueWork:
    """Tells which duties have something to do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def found(self) -> frozenset[str]:
        """The names of the duties, of those in LOOKED_FOR, that have something to do now.

        Raises:
            Unavailable: Postgres is away, or did not answer in time.
        """
        [row] = await self._database.run(_LOOK, limits=LOOK)
        return frozenset(name for name, found in zip(_CONDITIONS, row, strict=True) if found)
