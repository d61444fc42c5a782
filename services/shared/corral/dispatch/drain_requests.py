"""Requests that workers drain, and the workers' answers when they are sealed.

A request only hurries: the drain is a row in Postgres, written by the leader, and a seal is kept by the worker's
own clock. All of this may be wiped at any moment without a job being interrupted.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import orjson
import structlog
from redis.asyncio import Redis

from corral import metrics
from corral.dispatch import key_names
from corral.dispatch.connection import answering, text_of
from corral.dispatch.pools import READ_POOLS, WRITE_POOL
from corral.scaling.drain_request import DrainRequest, Order, Unseal

log = structlog.get_logger(__name__)

DOCUMENT_MS = 30_000
REQUEST_SECONDS = 15
UNSEAL_SECONDS = 30
SEAL_SECONDS = 30
"""Seconds for which an answer stands; the worker stays sealed at least as long after it, by its own clock."""
_DRAIN, _SEAL, _UNSEAL = "drain", "seal:", "unseal"


class PoolDrainRequests(NamedTuple):
    """The workers of one pool that are to drain: all of them, so that others are not."""

    sequence: int
    """Changes whenever the requests are written, whatever they are; only differences mean anything."""
    workers: frozenset[str]
    """Names of the workers, each with what it is asked to do."""


class DrainRequests:
    """Drain requests in Redis: written by whoever scales, turned into rows by the leader, answered by sealed workers."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def write(self, pool: str, requests: Mapping[str, DrainRequest]) -> None:
        """Say which workers of a pool are to drain, and no others; to be repeated every second.

        Raises:
            Unavailable: Redis is away. Requests that are not repeated are forgotten.
        """
        document = orjson.dumps(sorted(requests))
        async with answering():
            await WRITE_POOL.run(self._redis, [key_names.DRAINS, pool, document])
            if not requests:
                return
            async with self._redis.pipeline(transaction=False) as pipeline:
                for worker, request in requests.items():
                    word = _DRAIN if request.nonce is None else _SEAL + request.nonce
                    pipeline.set(key_names.DRAIN + worker, word, ex=REQUEST_SECONDS)
                await pipeline.execute()

    async def all(self) -> Mapping[str, PoolDrainRequests]:
        """What is requested of each pool that somebody scales now.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            told = await READ_POOLS.run(self._redis, [key_names.DRAINS, DOCUMENT_MS])
        requested = {}
        for pool, sequence, document in zip(told[::3], told[1::3], told[2::3], strict=True):
            try:
                workers = frozenset(map(str, orjson.loads(document)))
            except (ValueError, TypeError) as error:
                metrics.SWALLOWED.labels("drains.read").inc()
                log.warning("drains.unreadable", pool=text_of(pool), error=repr(error))
            else:
                requested[text_of(pool)] = PoolDrainRequests(int(sequence), workers)
        return requested

    async def unseal(self, workers: Iterable[str]) -> None:
        """Have these workers break their seals: they are no longer asked to drain.

        Raises:
            Unavailable: Redis is away; the seals run out by themselves.
        """
        async with answering(), self._redis.pipeline(transaction=False) as pipeline:
            for worker in workers:
                pipeline.set(key_names.DRAIN + worker, _UNSEAL, ex=UNSEAL_SECONDS)
                pipeline.delete(key_names.SEAL + worker)
            await pipeline.execute()

    async def seals(self, workers: Iterable[str]) -> dict[str, str]:
        """The nonce that each of these workers last answered; those that did not answer are missing.

        Raises:
            Unavailable: Redis is away.
        """
        names = list(workers)
        if not names:
            return {}
        async with answering():
            answers = await self._redis.mget([key_names.SEAL + name for name in names])
        return {
            name: text_of(answer) for name, answer in zip(names, answers, strict=True) if answer is not None
        }

    async def of(self, worker: str) -> Order | None:
        """What this worker is asked to do; None where nobody asks anything.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            found = await self._redis.get(key_names.DRAIN + worker)
        if found is None:
            return None
        word = text_of(found)
        if word == _UNSEAL:
            return Unseal()
        return DrainRequest(word.removeprefix(_SEAL) if word.startswith(_SEAL) else None)

    async def answer_seal(self, worker: str, nonce: str) -> None:
        """Say that this worker is sealed, and was asked with `nonce`.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            await self._redis.set(key_names.SEAL + worker, nonce, ex=SEAL_SECONDS)
