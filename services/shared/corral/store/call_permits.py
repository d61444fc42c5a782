"""Permits to call a provider: one statement, on Postgres' clock, that a wiped Redis and a frozen worker don't mislead."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from typing import Any, Final
from uuid import UUID

from corral.provider.values import ProviderValues
from corral.store.database import Database

MAX_WAIT: Final = 5.0
"""Seconds ahead for which a permit is given; who would wait longer is told how long."""
HALF_HOUR: Final = 1800
DAY: Final = 86_400

# The row is locked first, so `locked` is what the last call left, and the time is read after that. A permit for a
# later moment is a place in the queue: nobody who asks later gets an earlier one. The oldest of the last n requests
# arrived at the latest at arrivals[n places before the end]; one more may arrive a second after that, and not before.
# What began in a half hour counts until a day after its end. Nobody waits for the disk, and so nobody for whoever waits for
# it: what a crash of Postgres may forget was permitted in the second before, and it takes longer to start again.
TAKE: Final = f"""
WITH held AS MATERIALIZED (
    SELECT 1 FROM corral.jobs WHERE id = %(job)s AND attempt = %(attempt)s AND state = 'running'
), locked AS MATERIALIZED (
    SELECT p.name, p.declared || p.overrides AS said, p.parked_until, p.arrivals, p.day_from, p.day_requests, p.day_bytes
    FROM corral.providers p WHERE p.name = %(provider)s FOR UPDATE
), timed AS MATERIALIZED (
    SELECT l.*, extract(epoch FROM clock_timestamp())::float8 AS now,
           (l.said->>'per_second')::float8 AS per_second, (l.said->>'per_day')::float8 AS per_day,
           (l.said->>'bytes_per_day')::float8 AS bytes_per_day,
           coalesce((l.said->>'transit')::float8, %(transit)s) AS transit,
           CASE WHEN l.said->>'bytes_per_day' IS NULL THEN 0
                ELSE coalesce((l.said->>'max_bytes')::float8, %(max_bytes)s) END AS reserve
    FROM locked l
), counted AS MATERIALIZED (
    SELECT t.*, greatest(1, floor(t.per_second))::int AS n,
           floor(t.now / {HALF_HOUR}) * {HALF_HOUR} AS half_hour, d.requests, d.bytes, d.oldest
    FROM timed t CROSS JOIN LATERAL (
        SELECT coalesce(sum(b.requests), 0) AS requests, coalesce(sum(b.bytes), 0) AS bytes, min(b.began) AS oldest
        FROM unnest(t.day_from, t.day_requests, t.day_bytes) AS b(began, requests, bytes)
        WHERE b.began > t.now - {DAY + HALF_HOUR}
    ) d
), placed AS MATERIALIZED (
    SELECT c.*, greatest(c.now, CASE WHEN cardinality(c.arrivals) >= c.n
                                THEN c.arrivals[cardinality(c.arrivals) - c.n + 1] + c.n / c.per_second END) AS at
    FROM counted c
), judged AS MATERIALIZED (
    SELECT p.*, CASE
        WHEN NOT EXISTS (SELECT 1 FROM held) THEN 'lost'
        WHEN extract(epoch FROM p.parked_until) > p.now THEN 'parked'
        WHEN p.requests + 1 > p.per_day THEN 'day'
        WHEN p.bytes + p.reserve > p.bytes_per_day THEN 'bytes'
        WHEN p.at > p.now + %(most)s THEN 'second'
        ELSE 'granted' END AS verdict
    FROM placed p
), taken AS (
    UPDATE corral.providers u SET
        arrivals = CASE WHEN j.per_second IS NULL THEN '{{}}'
                        ELSE (j.arrivals || (j.at + j.transit))[cardinality(j.arrivals) + 2 - j.n:] END,
        day_from = d.began, day_requests = d.requests, day_bytes = d.bytes
    FROM judged j CROSS JOIN LATERAL (
        SELECT array_agg(s.began ORDER BY s.began) AS began, array_agg(s.requests ORDER BY s.began) AS requests,
               array_agg(s.bytes ORDER BY s.began) AS bytes
        FROM (
            SELECT b.began, sum(b.requests) AS requests, sum(b.bytes) AS bytes
            FROM (
                SELECT * FROM unnest(j.day_from, j.day_requests, j.day_bytes) AS b(began, requests, bytes)
                WHERE b.began > j.now - {DAY + HALF_HOUR}
                UNION ALL SELECT j.half_hour, 1, j.reserve
            ) b GROUP BY b.began
        ) s
    ) d
    WHERE u.name = j.name AND j.verdict = 'granted'
)
SELECT j.verdict, j.said, j.half_hour, j.reserve, CASE j.verdict
    WHEN 'parked' THEN extract(epoch FROM j.parked_until) - j.now
    WHEN 'day' THEN j.oldest + {DAY + HALF_HOUR} - j.now
    WHEN 'bytes' THEN coalesce(j.oldest + {DAY + HALF_HOUR} - j.now, {DAY})
    ELSE j.at - j.now END::float8,
    j.now - extract(epoch FROM statement_timestamp())::float8,
    set_config('synchronous_commit', 'off', true)
FROM judged j
"""
SETTLE: Final = """
UPDATE corral.providers p SET day_bytes = (
    SELECT coalesce(array_agg(CASE b.began WHEN %(half_hour)s THEN greatest(0, b.bytes + %(more)s) ELSE b.bytes END
                              ORDER BY b.began), '{}')
    FROM unnest(p.day_from, p.day_bytes) AS b(began, bytes)
)
WHERE p.name = %(provider)s
"""
PARK: Final = """
UPDATE corral.providers SET parked_until = greatest(parked_until, now() + %(seconds)s * interval '1 second')
WHERE name = %(provider)s
"""


class PermitVerdict(StrEnum):
    """What became of a request for permit."""

    GRANTED = "granted"
    UNKNOWN = "unknown"
    """There is no such provider."""
    LOST = "lost"
    """The attempt no longer holds its job."""
    PARKED = "parked"
    """The provider said that it has too much to do."""
    DAY = "day"
    """Its requests of a day are used up."""
    BYTES = "bytes"
    """Its bytes of a day are used up."""
    SECOND = "second"
    """So many wait for their place within a second that the wait is long."""


@dataclass(frozen=True, slots=True)
class CallPermit:
    """A permit to send one request, or why there is none."""

    verdict: PermitVerdict
    wait: float = 0.0
    """Seconds: where it is granted, until the request may be sent; else until it is worth asking again."""
    said: Mapping[str, Any] | None = None
    half_hour: float = 0.0
    reserved: float = 0.0
    """Bytes that count as answered until the answer is settled; 0: nobody counts them."""
    since: float = 0.0
    """The earliest moment, by this process' monotonic clock, that it may be for."""

    @property
    def values(self) -> ProviderValues:
        """What is in force for the provider."""
        return ProviderValues.of(self.said or {})


class CallPermits:
    """Permits to call providers. Every method raises Unavailable where Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, provider: str, job: UUID, attempt: int, *, max_wait: float = MAX_WAIT) -> CallPermit:
        """Take one request of every budget of the provider, or none of any, for an attempt that holds its job."""
        params = {
            "provider": provider,
            "job": job,
            "attempt": attempt,
            "most": max_wait,
            "transit": ProviderValues.of({"url": ""}).transit,
            "max_bytes": ProviderValues.of({"url": ""}).max_bytes,
        }
        asked = monotonic()
        rows = await self._database.run(TAKE, params)
        if not rows:
            return CallPermit(PermitVerdict.UNKNOWN)
        verdict, said, half_hour, reserved, wait, locked_for, _ = rows[0]
        return CallPermit(
            PermitVerdict(verdict),
            max(0.0, wait),
            said,
            half_hour,
            reserved,
            asked + max(0.0, locked_for) + max(0.0, wait),
        )

    async def settle(self, provider: str, permit: CallPermit, actual: float) -> None:
        """Count the bytes that were answered in place of those reserved."""
        if not permit.reserved:
            return
        params = {
            "provider": provider,
            "half_hour": permit.half_hour,
            "more": actual - permit.reserved,
        }
        await self._database.run(SETTLE, params)

    async def park(self, provider: str, seconds: float) -> None:
        """Leave the provider alone: no permit is given before."""
        await self._database.run(PARK, {"provider": provider, "seconds": seconds})
