"""Slots of limits for programs that are no handlers: by the client, in threads and on event loops, and by the API."""

import asyncio
import threading
from collections.abc import Iterator
from contextvars import Context
from uuid import uuid4

import pytest
from tests.fixtures.waiting import eventually, eventually_async, lasts_async
from tests.integration.publisher.conftest import Publisher

from corral.actions.access.api_keys import KeyActions
from corral.actions.access.principal import Role
from corral.api_problem import ApiProblem
from corral.catalog import Limit, Rate
from corral.catalog.record import declaration_of
from corral.client import Client, Connection
from corral.errors import Conflict, LimitLost, LimitTimeout
from corral.http_client.limit_slot import LimitSlot
from corral.settings import Settings
from corral.store import Store

LIMITS = [
    Limit("browser", total=1),
    Limit("accounts", each=1, total=5, by="account"),
    Rate("calls", 5, per=1),
]


@pytest.fixture(scope="module")
def key(shared_publisher: Publisher, shared_settings: Settings) -> str:
    """An operator's, of a publisher whose database has the limits."""

    async def key() -> str:
        store = Store.from_settings(shared_settings, application_name="test")
        await store.limits.register([declaration_of(one) for one in LIMITS])
        made, _ = await KeyActions(store).create("tests", Role.OPERATOR, actor="tests")
        await store.close()
        return made

    return asyncio.run(key())


@pytest.fixture
def client(shared_publisher: Publisher, key: str) -> Iterator[Client]:
    with Client(Connection(shared_publisher.url, key, "the test", here=True)) as client:
        yield client


def test_a_program_holds_a_slot_while_its_block_runs(client: Client):
    with client.limit_slot("browser", program="import.py on build-3", timeout=30) as slot:
        slot.check()
        (holder,) = client.limit("browser")["holders"]
        assert (holder["program"], holder["job"], holder["worker"]) == ("import.py on build-3", None, None)
        with client.limit_slot("browser", timeout=0):
            pass  # this thread holds it already
        with (
            pytest.raises(Conflict, match="stands before browser"),
            client.limit_slot("accounts", key="acme"),
        ):
            pass
        refused: list[BaseException] = []

        def other() -> None:
            try:
                with client.limit_slot("browser", timeout=0.2):
                    pass
            except LimitTimeout as error:
                refused.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(30)
        assert len(refused) == 1
        with pytest.raises(ApiProblem, match=r"no free slot now: held by import\.py on build-3"):
            client.post("/limits/browser/slots", {"program": "another"})
    assert client.limit("browser")["in_use"] == 0


async def test_on_an_event_loop_others_wait_until_it_is_given_back(client: Client):
    order: list[str] = []

    async def hold(name: str, key: str) -> None:
        async with client.limit_slot("accounts", key=key, program=name):
            order.append(f"{name} begins")
            await lasts_async(0.1)
            order.append(f"{name} ends")

    await asyncio.gather(hold("one", "acme"), hold("two", "acme"))
    assert order[0][:3] == order[1][:3] != order[2][:3] == order[3][:3]
    assert await asyncio.to_thread(client.limit, "accounts") | {"in_use": 0} == client.limit("accounts")


async def test_who_is_told_to_stop_while_it_waits_holds_nothing(client: Client):
    with client.limit_slot("browser", timeout=30):
        context = asyncio.create_task(_hold(client))
        await lasts_async(0.1)
        context.cancel()
        await asyncio.gather(context, return_exceptions=True)
    async with client.limit_slot("browser", timeout=20):
        pass  # less than a lease: what it held would not have ended by itself


async def _hold(client: Client) -> None:
    async def held() -> None:
        async with client.limit_slot("browser", timeout=30):
            pass

    await asyncio.get_running_loop().create_task(held(), context=Context())


async def test_a_slot_that_is_lost_cancels_its_body(client: Client, shared_settings: Settings):
    store = Store.from_settings(shared_settings, application_name="test")

    async def lose(slot: LimitSlot) -> None:
        await store.database.run("DELETE FROM corral.limit_leases")
        await store.database.run("UPDATE corral.limit_keys SET in_use = 0")
        slot._lease_seconds = 0.3  # as if it were as short: it is renewed each tenth of a second

    async def on_the_loop() -> None:
        async with client.limit_slot("browser", timeout=30) as slot:
            await lose(slot)
            await asyncio.Event().wait()

    async def beside_it() -> None:
        with client.limit_slot("browser", timeout=30) as slot:
            await lose(slot)
            await eventually_async(lambda: slot.lost, timeout=30)

    for lost in (on_the_loop(), beside_it()):
        with pytest.raises(LimitLost, match="the slot of browser could not be renewed"):
            await lost
    await store.close()


def test_a_slot_is_renewed_for_as_long_as_its_block_runs(client: Client):
    with client.limit_slot("browser", timeout=30) as slot:
        first = slot._renewed
        slot._renewed -= slot._lease_seconds / 2  # as if so much of it had passed
        eventually(lambda: slot._renewed > first)
        assert not slot.lost


def test_what_makes_no_sense_is_refused_by_name(client: Client):
    for limit, body, told in (
        ("nowhere", {"program": "p"}, "nowhere"),
        ("calls", {"program": "p"}, "calls is a rate"),
        ("accounts", {"program": "p"}, "accounts counts by keys"),
        ("browser", {"program": "p", "key": "acme"}, "browser has no keys"),
        ("browser", {"program": " \n"}, "can be printed"),
        ("browser", {}, "program"),
    ):
        with pytest.raises(ApiProblem) as error:
            client.post(f"/limits/{limit}/slots", body)
        fields = " ".join(f"{one.pointer} {one.message}" for one in error.value.fields)
        assert told in f"{error.value} {fields}"
        assert client.limit("browser")["in_use"] == 0
    slot = client.post("/limits/browser/slots", {"program": "p"})
    for path in (f"/limits/accounts/slots/{slot['id']}", f"/limits/browser/slots/{uuid4()}"):
        with pytest.raises(ApiProblem, match="slot"):
            client.delete(path)
    client.delete(f"/limits/browser/slots/{slot['id']}")
    with pytest.raises(ApiProblem, match="slot"):
        client.post(f"/limits/browser/slots/{slot['id']}/renew")
