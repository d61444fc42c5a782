"""The document `corral:duties`: what the leader of maintenance does, for whoever shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from redis.asyncio import Redis

from corral.dispatch import key_names
from corral.dispatch.connection import answering

LIFETIME_SECONDS = 30
"""Seconds after which the reports of a leader are forgotten."""


@dataclass(frozen=True, slots=True)
class DutyBoard:
    """Who leads, and a report per duty; its fields are those of corral.maintenance.duty.DutyReport."""

    holder: str
    term: int
    duties: Mapping[str, Mapping[str, Any]]


class DutyStatus:
    """Writes and reads who leads and how its duties go, in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def write(self, holder: str, term: int, duties: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace the reports.

        Raises:
            Unavailable: Redis is away.
        """
        document = orjson.dumps({"holder": holder, "term": term, "duties": duties})
        async with answering():
            await self._redis.set(key_names.DUTIES, document, ex=LIFETIME_SECONDS)

    async def read(self) -> DutyBoard | None:
        """The reports; None where nobody has led for half a minute.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            text = await self._redis.get(key_names.DUTIES)
        if text is None:
            return None
        document = orjson.loads(text)
        return DutyBoard(document["holder"], document["term"], document["duties"])
