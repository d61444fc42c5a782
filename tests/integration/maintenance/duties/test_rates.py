"""A rate at the claim is used within its time: whoever waits for it is let in as soon as it lets some start."""

import time

from tests.integration.maintenance.conftest import EMAIL, TYPE, Shop

from corral.dispatch import Dispatch
from corral.dispatch.rings import Full, Turn, TurnOutcome
from corral.ids import new_id
from corral.job.limit_use import LimitUse, group_of
from corral.maintenance.duties.limits import KeepLimits
from corral.maintenance.leadership import Reign
from corral.store import Store

DECLARE = "INSERT INTO corral.limits (name, declared, version) VALUES (%(name)s, %(values)s::jsonb, '1')"
GROUP = group_of(EMAIL.queue, EMAIL.priority, ["starts"])
PER = 0.3


async def used_up(shop: Shop, dispatch: Dispatch) -> None:
    """Two jobs of a rate that lets one start: the second one waits for it."""
    store = shop.store
    await store.database.run(DECLARE, {"name": "starts", "values": f'{{"rate": 1, "per": {PER}}}'})
    await shop.submit(2, limits=(LimitUse("starts"),))
    await dispatch.rings.join({(EMAIL, GROUP): 2})
    answer = await store.limit_claims.claim(await shop.worker(), new_id(), {GROUP: 2}, [TYPE], alone=False)
    assert len(answer.claimed) == 1
    await dispatch.rings.settle([TurnOutcome(Turn(EMAIL, GROUP, 1, "1", 0), Full("starts"))])
    assert await dispatch.rings.full_names() == ["starts"]


async def test_it_is_known_when_a_rate_lets_the_next_one_start(shop: Shop, store: Store, dispatch: Dispatch):
    await store.database.run(DECLARE, {"name": "openai", "values": '{"total": 1}'})
    await used_up(shop, dispatch)
    opens = await store.limit_duties.opens_in(["starts", "openai"])
    assert opens is not None
    assert 0 <= opens <= PER
    assert await store.limit_duties.opens_in(["openai"]) is None, "a slot is given back, not by time"


async def test_between_two_rounds_the_leader_lets_in_who_waits_for_a_rate(
    shop: Shop, store: Store, dispatch: Dispatch, reign: Reign
):
    await used_up(shop, dispatch)
    duty = KeepLimits(store, dispatch)
    await duty.round(reign)
    began = time.monotonic()
    await duty.rest(1.0, reign)
    assert time.monotonic() - began >= 0.9, "the round's own pace stays"
    assert await dispatch.rings.free({"starts": 1}) == 0, "it waits no longer"
