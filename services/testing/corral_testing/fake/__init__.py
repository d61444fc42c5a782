"""A store in memory, for tests that need no database: the same surface, the same answers.

Held to the real store by the conformance suite. Time stands still until
`store.clock.advance(seconds)`. Not here: artifacts, logs, statistics of times,
keys and sessions.
"""

from uuid import UUID

from corral_testing.fake.attempts import FakeAttempts
from corral_testing.fake.claims import FakeClaims
from corral_testing.fake.effects import FakeEffects
from corral_testing.fake.fleet import FakeHeartbeat, FakeWorkers
from corral_testing.fake.follow_ups import FakeFollowUps
from corral_testing.fake.idempotency import FakeIdempotency
from corral_testing.fake.jobs import FakeJobs
from corral_testing.fake.leases import FakeDuties, FakeLeases
from corral_testing.fake.limits import FakeLimitClaims
from corral_testing.fake.memory import Clock, Memory
from corral_testing.fake.queues import FakeQueues
from corral_testing.fake.scaling import FakeScaling
from corral_testing.fake.slots import FakeLimitLeases, FakeSlot
from corral_testing.fake.stats import FakeStats
from corral_testing.fake.unique import FakeUniqueJobs, FakeUniqueKeys
from corral_testing.fake.webhook_history import FakeWebhookHistory
from corral_testing.fake.webhooks import FakeWebhookDeliveries, FakeWebhooks


class FakeStore:
    """Has the attributes of corral.store.Store that move jobs."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.jobs = FakeJobs(self.memory)
        self.claims = FakeClaims(self.memory)
        slots: dict[UUID, FakeSlot] = {}
        self.limit_claims = FakeLimitClaims(self.memory, slots)
        self.attempts = FakeAttempts(self.memory, self.jobs)
        self.effects = FakeEffects(self.memory)
        self.follow_ups = FakeFollowUps(self.memory)
        self.leases = FakeLeases(self.memory)
        self.limit_leases = FakeLimitLeases(self.memory, self.leases, slots, self.limit_claims.has_no_slot)
        self.idempotency = FakeIdempotency(self.memory, self.jobs, self.leases)
        self.unique_jobs = FakeUniqueJobs(self.memory, self.jobs)
        self.unique_keys = FakeUniqueKeys(self.memory, self.jobs, self.leases)
        self.workers = FakeWorkers(self.memory, self.leases)
        self.duties = FakeDuties(self.memory, self.leases)
        self.queues = FakeQueues(self.memory)
        self.scaling = FakeScaling(self.memory, self.leases)
        self.stats = FakeStats(self.memory)
        self.webhooks = FakeWebhooks(self.memory)
        self.webhook_deliveries = FakeWebhookDeliveries(self.memory, self.webhooks, self.jobs, self.leases)
        self.webhook_history = FakeWebhookHistory(self.memory)

    @property
    def clock(self) -> Clock:
        """Its time."""
        return self.memory.clock

    def heartbeat(self, worker: UUID) -> FakeHeartbeat:
        """The heartbeat of a worker."""
        return FakeHeartbeat(self.memory, worker)

    async def close(self) -> None:
        """Nothing to close."""


__all__ = ["Clock", "FakeStore"]
