"""Drains: a person's outlasts a pool's, and each lifts its own only."""

import pytest

from corral.errors import Conflict, LeaseLost, NotFound
from corral.ids import new_id
from corral.store import Refusal, WorkerState
from corral_testing.subject import Subject


class Draining:
    """Who drains a worker, and who may lift that."""

    async def test_a_worker_drained_for_its_pool_claims_nothing_until_that_is_lifted(
        self, subject: Subject
    ) -> None:
        term, worker, id = await subject.lead(), await subject.worker("io-a"), await subject.submit()
        assert await subject.store.workers.drain_for(["io-a", "io-b"], "pool:io", term) == [worker]
        assert (await subject.claim(worker, id)).refused == {id: Refusal.WORKER}
        beat = subject.heartbeat(worker).beat([], {})
        assert (beat.known, beat.draining) == (True, True)
        assert await subject.store.workers.drain_for(["io-a"], "pool:io", term) == []
        assert await subject.store.workers.undrain(["io-a", "io-b"], "pool:io", term) == [worker]
        assert not subject.heartbeat(worker).beat([], {}).draining
        await subject.running(worker, id)

    async def test_a_persons_drain_is_lifted_by_no_pool(self, subject: Subject) -> None:
        term, worker = await subject.lead(), await subject.worker("io-a")
        await subject.store.workers.drain("io-a", "ann")
        assert await subject.store.workers.drain_for(["io-a"], "pool:io", term) == []
        assert await subject.store.workers.undrain(["io-a"], "pool:io", term) == []
        assert await subject.store.workers.name_of(worker) == "io-a"
        assert await subject.store.workers.name_of(new_id()) is None
        record = await subject.store.workers.get(worker)
        assert record is not None
        assert (record.state, record.drained_by) == (WorkerState.DRAINING, "ann")

    async def test_a_person_takes_over_a_pools_drain(self, subject: Subject) -> None:
        term, worker = await subject.lead(), await subject.worker("io-a")
        for person in ("ann", "pool:io"):  # a person may be called anything
            await subject.store.workers.drain_for(["io-a"], "pool:io", term)
            assert await subject.store.workers.drain("io-a", person) == [worker]
            (one,) = await subject.store.workers.live()
            assert one.drained_by is not None
            assert not one.drained_by.startswith("pool:")
            assert await subject.store.workers.undrain(["io-a"], "pool:io", term) == []
            assert await subject.store.workers.lift("io-a", "bob") == [worker]

    async def test_a_person_lifts_a_persons_drain_and_the_worker_claims_again(self, subject: Subject) -> None:
        workers = subject.store.workers
        worker, other, id = await subject.worker("io-a"), await subject.worker("io-b"), await subject.submit()
        for which in ("io-a", worker):
            await workers.drain("io-a", "ann")
            await workers.drain("io-b", "ann")
            assert await workers.lift(which, "bob") == [worker]
            assert await workers.lift(which, "bob") == []
        assert not subject.heartbeat(worker).beat([], {}).draining
        assert subject.heartbeat(other).beat([], {}).draining
        await subject.running(worker, id)

    async def test_a_pools_drain_is_lifted_by_no_person(self, subject: Subject) -> None:
        term, worker = await subject.lead(), await subject.worker("io-a")
        await subject.store.workers.drain_for(["io-a"], "pool:io", term)
        with pytest.raises(Conflict, match=r"worker io-a is to leave pool io; only what scales the pool"):
            await subject.store.workers.lift("io-a", "ann")
        (one,) = await subject.store.workers.live()
        assert (one.id, one.draining, one.drained_by) == (worker, True, "pool:io")

    async def test_only_the_living_are_let_work_again(self, subject: Subject) -> None:
        term, worker = await subject.lead(), await subject.worker("io-a")
        await subject.store.workers.drain("io-a", "ann")
        await subject.lose(worker, term)
        for which in ("io-a", worker, new_id()):
            with pytest.raises(NotFound):
                await subject.store.workers.lift(which, "ann")

    async def test_a_pool_lifts_no_drain_of_another(self, subject: Subject) -> None:
        term = await subject.lead()
        await subject.worker("io-a")
        await subject.store.workers.drain_for(["io-a"], "pool:io", term)
        assert await subject.store.workers.undrain(["io-a"], "pool:cpu", term) == []

    async def test_every_incarnation_of_a_name_is_drained_and_the_latest_comes_last(
        self, subject: Subject
    ) -> None:
        term, ids = await subject.lead(), [await subject.worker("io-a") for _ in range(2)]
        assert sorted(await subject.store.workers.drain_for(["io-a"], "pool:io", term)) == sorted(ids)
        live = await subject.store.workers.live()
        assert [(one.id, one.name, one.draining, one.drained_by) for one in live] == [
            (id, "io-a", True, "pool:io") for id in ids
        ]

    async def test_the_live_are_told_with_what_they_run(self, subject: Subject) -> None:
        term, worker, id = await subject.lead(), await subject.worker("io-a"), await subject.submit()
        gone = await subject.worker("io-b")
        await subject.lose(gone, term)
        await subject.running(worker, id)
        (one,) = await subject.store.workers.live()
        assert (one.id, one.draining, one.drained_by) == (worker, False, None)
        assert await subject.store.workers.running() == {worker: 1}
        assert one.alive_for >= 0

    async def test_drains_for_pools_are_in_the_name_of_a_term(self, subject: Subject) -> None:
        term = await subject.lead()
        await subject.worker("io-a")
        await subject.lead()
        with pytest.raises(LeaseLost):
            await subject.store.workers.drain_for(["io-a"], "pool:io", term)
        with pytest.raises(LeaseLost):
            await subject.store.workers.undrain(["io-a"], "pool:io", term)
        assert not (await subject.store.workers.live())[0].draining
