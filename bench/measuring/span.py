"""What a queue in Postgres did over a while: how many jobs in each fifth, and what it left behind."""

from dataclasses import dataclass

import psycopg
from psycopg import sql

FIFTHS = 5
RATES = """
SELECT width_bucket(date_part('epoch', finished_at), %(began)s, %(ended)s, %(parts)s), count(*)
FROM {table}
WHERE state = 'completed' AND finished_at >= to_timestamp(%(began)s) AND finished_at < to_timestamp(%(ended)s)
GROUP BY 1 ORDER BY 1
"""
SIZE = """
SELECT pg_total_relation_size(%(table)s::regclass) / 1048576.0,
       coalesce((SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = %(table)s::regclass), 0)
"""


@dataclass(frozen=True)
class Span:
    """What came of it."""

    rates: tuple[float, ...]
    """Jobs a second in each fifth."""
    mebibytes: float
    """Of the table and its indexes, at the end."""
    dead: int
    """Its dead rows then."""

    @property
    def shown(self) -> tuple[str, ...]:
        return tuple(f"{rate:,.0f}" for rate in self.rates)


def look(watch: psycopg.Connection, table: str, began: float, seconds: float) -> Span:
    """What completed there in so many seconds; `began` by the database's clock, seconds since 1970."""
    params = {"began": began, "ended": began + seconds, "parts": FIFTHS}
    rates = sql.SQL(RATES).format(table=sql.Identifier(*table.split(".")))
    counts: dict[int, int] = dict(watch.execute(rates, params).fetchall())
    row = watch.execute(SIZE, {"table": table}).fetchone()
    assert row is not None
    found = tuple(counts.get(fifth, 0) / (seconds / FIFTHS) for fifth in range(1, FIFTHS + 1))
    return Span(found, float(row[0]), int(row[1]))
