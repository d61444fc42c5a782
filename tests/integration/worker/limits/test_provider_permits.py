"""Permits for requests to providers: several budgets at once, right before the bytes, for attempts that hold their jobs."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from tests.integration.worker.system import System

from corral.actions.limits.call_budgets import BudgetTake, CallBudgets
from corral.actions.limits.provider_permits import ProviderPermit, ProviderPermits
from corral.dispatch import key_names
from corral.errors import BudgetExhausted, Conflict, Discard, ProviderBusy
from corral.outgoing.client import OutgoingClient
from corral.outgoing.policy import AddressPolicy
from corral.outgoing.resolver import system_resolver
from corral.provider.budgets import BYTES_LIMIT, DAY_LIMIT, SECOND_LIMIT
from corral.provider.values import ProviderValues
from corral_local.stand_in.http_server import StandInAnswer, StandInRequest, StandInServer
from corral_testing.values import new_job
from corral_worker.attempts.execution import Execution
from corral_worker.context.offered_services import HandlerServices
from corral_worker.context.provider_access import ProviderAccess
from corral_worker.context.providers import ProviderRequests
from corral_worker.context.takes import AttemptTakes

PROVIDER = "overpass"
HOST = "127.0.0.6"


def values(**said: Any) -> ProviderValues:
    return ProviderValues.of({"url": "https://example.com", **said})


@pytest.fixture
def permits(system: System) -> ProviderPermits:
    return ProviderPermits(CallBudgets(system.store, system.dispatch))


@pytest.fixture
async def job(system: System) -> UUID:
    """A job that runs, in its first attempt."""
    options: dict[str, Any] = {"retries": 0, "timeout": None, "max_stalls": 0}
    new = new_job(type="t", queue="q", payload="1", **options)
    await system.store.jobs.insert([new])
    await system.store.database.run(
        "UPDATE corral.jobs SET state = 'running', attempt = 1, queued_at = NULL, started_at = now() WHERE id = %(id)s",
        {"id": new.id},
    )
    return new.id


async def verdicts(
    permits: ProviderPermits, said: ProviderValues, count: int, *, seconds: float = 60
) -> tuple[Counter[str | None], list[ProviderPermit]]:
    """Which budget refused, None: none did, of so many that ask at once; and the permits."""
    answers = await asyncio.gather(
        *(permits.take(PROVIDER, said, seconds) for _ in range(count)), return_exceptions=True
    )
    granted = [one for one in answers if isinstance(one, ProviderPermit)]
    refused = [one.name for one in answers if isinstance(one, BudgetExhausted)]
    assert len(granted) + len(refused) == count, answers
    return Counter([*refused, *(None for _ in granted)]), granted


async def test_no_window_of_a_second_has_more_however_many_ask_at_once(
    system: System, permits: ProviderPermits
):
    """Wherever within `transit` each request arrives, n + 1 of them lie a second apart."""
    other = ProviderPermits(CallBudgets(system.store, system.dispatch))  # of another process
    said = values(per_second=10, transit=0.25)
    times: list[tuple[float, float]] = []
    began = time.monotonic()

    async def take(of: ProviderPermits) -> None:
        permit = await of.take(PROVIDER, said, 100)
        times.append((time.monotonic(), permit.good_until))

    await asyncio.gather(*(take(of) for of in (permits, other) for _ in range(15)))
    earliest, latest = sorted(one for one, _ in times), sorted(one for _, one in times)
    for first, last in zip(latest, earliest[10:], strict=False):
        assert last - first >= 1 - 0.02
    assert latest[-1] - began < 3 * 1.25 + 0.25, "and nearly all of it is used: no fourth window is needed"


async def test_a_day_has_so_many_requests_and_not_one_more(permits: ProviderPermits):
    found, _ = await verdicts(permits, values(per_day=7), 20)
    assert found == {None: 7, DAY_LIMIT: 13}
    with pytest.raises(BudgetExhausted) as error:
        await permits.take(PROVIDER, values(per_day=7), 0)
    assert 24 * 3600 <= error.value.after <= 24.6 * 3600


async def test_a_large_day_may_be_used_at_once_and_is_kept_in_half_hours(
    system: System, permits: ProviderPermits
):
    said = values(per_day=2_000, max_bytes=100, bytes_per_day=30_000)
    for _ in range(3):
        found, granted = await verdicts(permits, said, 80)
        assert found == {None: 80}
        await asyncio.gather(*(permits.settle(one, 50) for one in granted))
    assert (await verdicts(permits, said, 190))[0] == {None: 180, BYTES_LIMIT: 10}
    redis = system.dispatch.rings._redis
    assert await redis.zcard(f"{key_names.BUDGET_TAKES}{DAY_LIMIT}={PROVIDER}") <= 2
    await redis.flushall()
    assert (await verdicts(permits, said, 5))[0] == {BYTES_LIMIT: 5}, "a wipe gives nothing"


async def test_bytes_are_reserved_until_the_answer_says_how_many_there_were(permits: ProviderPermits):
    said = values(max_bytes=100, bytes_per_day=250)
    found, granted = await verdicts(permits, said, 4)
    assert found == {None: 2, BYTES_LIMIT: 2}
    for one in granted:
        await permits.settle(one, 20)
    assert (await verdicts(permits, said, 4))[0] == {None: 2, BYTES_LIMIT: 2}  # 40, 140, 240


async def test_a_refusal_takes_nothing_of_any_budget(permits: ProviderPermits):
    small = values(per_second=100, per_day=10, max_bytes=100, bytes_per_day=100)
    found, [first] = await verdicts(permits, small, 5)
    assert found == {None: 1, BYTES_LIMIT: 4}
    large = values(per_second=100, per_day=10, max_bytes=100, bytes_per_day=10_000)
    assert (await verdicts(permits, large, 12))[0] == {None: 9, DAY_LIMIT: 3}
    await permits.give_back(first)
    assert (await verdicts(permits, large, 2))[0] == {None: 1, DAY_LIMIT: 1}


async def test_a_request_that_was_answered_needs_its_place_no_longer(permits: ProviderPermits):
    said = values(per_second=3, transit=10)
    began = time.monotonic()
    for one in (await verdicts(permits, said, 3))[1]:
        await permits.answered(one)
    await permits.take(PROVIDER, said, 9)
    assert 0.98 < time.monotonic() - began < 9, "a second after the answers, not after a second and transit"


async def test_only_an_attempt_that_holds_its_job_calls_and_nobody_one_that_is_to_be_left_alone(
    system: System, job: UUID
):
    """A worker that was frozen, and whose job another one has, must not call beside it."""
    access = ProviderAccess(system.store, CallBudgets(system.store, system.dispatch))
    await system.store.providers.set(PROVIDER, {"url": "https://example.com"}, "test", None)
    assert (await access.look(PROVIDER, job, 1)).held
    for other in ((job, 2), (uuid4(), 1)):
        with pytest.raises(Conflict, match="no longer holds job"):
            await access.look(PROVIDER, *other)
    with pytest.raises(Discard, match="there is no provider nobody"):
        await access.look("nobody", job, 1)
    await system.store.providers.park(PROVIDER, 3_600)
    await system.store.providers.park(PROVIDER, 5)  # does not shorten it
    with pytest.raises(ProviderBusy) as error:
        await access.look(PROVIDER, job, 1)
    assert 5 < error.value.after <= 3_600


async def test_what_a_provider_allows_is_shown_with_the_limits(system: System):
    said = {"url": "https://example.com", "per_second": 2.5, "per_day": 20, "transit": 0.1}
    await system.store.providers.set(PROVIDER, said, "test", None)
    [second], [day] = [
        await system.store.limits.keys(name, key=PROVIDER) for name in (SECOND_LIMIT, DAY_LIMIT)
    ]
    assert second.overrides == {"rate": 2, "per": 0.8, "deadline": 0.1}
    assert day.overrides == {"rate": 20}
    await system.store.providers.set(PROVIDER, {"per_day": None}, "test", None)
    assert await system.store.limits.keys(DAY_LIMIT, key=PROVIDER) == []
    await system.store.providers.remove(PROVIDER, "test")
    assert await system.store.limits.keys(SECOND_LIMIT, key=PROVIDER) == []


class Noted(ProviderPermits):
    """Permits that are noted; the first ones come while the event loop is blocked."""

    blocked = 0.0
    times = 0

    def __init__(self, budgets: CallBudgets) -> None:
        super().__init__(budgets)
        self.granted: list[float] = []

    async def take(self, provider: str, values: ProviderValues, seconds: float) -> ProviderPermit:
        permit = await super().take(provider, values, seconds)
        self.granted.append(time.time())
        if self.times:
            self.times -= 1
            time.sleep(self.blocked)  # noqa: ASYNC251  it is blocked
        return permit


@pytest.mark.parametrize("fault", ["the connection takes long", "the event loop is blocked"])
async def test_a_request_leaves_within_the_time_of_its_permit(
    system: System, job: UUID, tmp_path: Path, fault: str
):
    came: list[float] = []
    connecting: list[float] = []
    transit = 0.5

    async def respond(request: StandInRequest) -> StandInAnswer:
        came.append(request.came)
        return StandInAnswer(200)

    async def slow(host: str, port: int) -> Any:
        await asyncio.sleep(1.2 * transit if fault == "the connection takes long" else 0)
        connecting.append(time.time())
        return await system_resolver(HOST, port)

    server = StandInServer(respond)
    url = f"http://overpass.example:{await server.start(HOST, 0)}"
    await system.store.providers.set(
        PROVIDER, {"url": url, "per_second": 3, "per_day": 10, "transit": transit}, "test", None
    )
    budgets = CallBudgets(system.store, system.dispatch)
    access = ProviderAccess(system.store, budgets)
    access.permits = noted = Noted(budgets)
    if fault == "the event loop is blocked":
        noted.times, noted.blocked = 2, 1.5 * transit
    async with OutgoingClient(AddressPolicy((f"{HOST}/32",)), resolver=slow) as client:
        answer = await ProviderRequests(access, client, tmp_path, (job, 1)).call(PROVIDER, "GET", "v1")
    assert answer.status == 200
    assert came[0] - noted.granted[-1] < transit
    assert len(noted.granted) >= (3 if fault == "the event loop is blocked" else 1)
    assert noted.granted[0] >= connecting[0], "it asks for one once it is connected"
    found, _ = await verdicts(noted, values(per_day=10), 12)
    assert found == {None: 9, DAY_LIMIT: 3}, "what was late was given back"
    async with OutgoingClient(AddressPolicy((f"{HOST}/32",)), resolver=slow) as client:
        with pytest.raises(ProviderBusy, match="its requests of a day are used up"):
            await ProviderRequests(access, client, tmp_path, (job, 1)).call(PROVIDER, "GET", "v1")
    assert len(came) == 1, "nothing was sent"
    await access.close()
    await server.close()


async def test_a_call_that_a_full_event_loop_would_make_late_gives_its_take_back(system: System):
    """Twenty-four handlers begin their calls at once: whoever would be late asks again."""
    await system.store.database.run(
        "INSERT INTO corral.limits (name, declared, version) VALUES ('calls', "
        """'{"kind": "rate", "rate": 9, "per": 60, "cost": 1, "at": "call", "deadline": 0.45}', '1')"""
    )
    budgets = CallBudgets(system.store, system.dispatch)
    late: list[BudgetTake] = []
    free, twice = asyncio.Event(), asyncio.Event()

    class Services:
        async def take_budget(self, *asked: Any) -> BudgetTake:
            limit, cost, key, payload, timeout = asked
            return await budgets.take(limit, cost=cost, key=key, payload=payload, timeout=timeout)

        async def give_back_budget(self, take: BudgetTake) -> None:
            late.append(take)
            if len(late) == 2:
                twice.set()
            await budgets.give_back(take, late=True)

    def busy(turns: int) -> None:
        time.sleep(0.12)  # each turn of the loop: four of them are longer than the deadline
        if turns and not free.is_set():
            asyncio.get_running_loop().call_soon(busy, turns - 1)

    execution = cast(Execution, SimpleNamespace(claimed=SimpleNamespace(payload=None, id="j"), stop=None))
    takes = AttemptTakes(execution, cast(HandlerServices, Services()))
    asyncio.get_running_loop().call_soon(busy, 1000)
    taking = asyncio.create_task(takes.take("calls", None, None, None))
    await asyncio.wait_for(twice.wait(), 60)  # both were given back
    free.set()
    good_until = await taking
    assert good_until - time.monotonic() > 0.1, "its call has time to leave"
    for _ in range(8):
        await budgets.take("calls", timeout=0.1)
    with pytest.raises(BudgetExhausted):
        await budgets.take("calls", timeout=0.1)
