"""Leadership: rule 25 of the protocol."""

import pytest

from corral.errors import LeaseLost
from corral_testing.subject import Subject


class Leadership:
    """Who may do the duties."""

    async def test_the_first_to_ask_leads(self, subject: Subject) -> None:
        leases = subject.store.leases
        assert await leases.read() is None
        first = await leases.acquire("one", None)
        assert first is not None
        assert await leases.acquire("two", None) is None
        assert await leases.read() == first

    async def test_a_lease_is_taken_only_as_it_was_seen(self, subject: Subject) -> None:
        leases = subject.store.leases
        term = await leases.acquire("one", None)
        assert term is not None
        seen = await leases.read()
        renewed = await leases.renew(term)
        assert await leases.acquire("two", seen) is None
        taken = await leases.acquire("two", renewed)
        assert taken is not None
        assert (taken.holder, taken.term) == ("two", term.term + 1)

    async def test_an_old_term_writes_nothing(self, subject: Subject) -> None:
        leases = subject.store.leases
        old = await leases.acquire("one", None)
        assert old is not None
        await leases.acquire("two", old)
        worker, id = await subject.worker(), await subject.submit(delay=1)
        await subject.advance(2)
        with pytest.raises(LeaseLost):
            await subject.store.duties.promote(old)
        with pytest.raises(LeaseLost):
            await subject.store.duties.expire(old)
        with pytest.raises(LeaseLost):
            await subject.store.workers.reclaim(worker, 0, old)
        with pytest.raises(LeaseLost):
            await leases.renew(old)
        assert (await subject.job(id)).run_at is not None
        assert worker in dict(await subject.store.workers.observations())

    async def test_the_epoch_changes_with_every_renewal(self, subject: Subject) -> None:
        leases = subject.store.leases
        term = await leases.acquire("one", None)
        epochs = set()
        for _ in range(3):
            assert term is not None
            epochs.add(term.epoch)
            term = await leases.renew(term)
        term = await leases.acquire("two", term)
        assert term is not None
        assert len(epochs | {term.epoch}) == 4

    async def test_a_lease_that_was_given_up_is_free(self, subject: Subject) -> None:
        leases = subject.store.leases
        term = await leases.acquire("one", None)
        assert term is not None
        await leases.give_up(term)
        free = await leases.read()
        assert free is not None
        assert free.holder == ""
        assert await leases.acquire("two", free) is not None
        with pytest.raises(LeaseLost):
            await leases.renew(term)
