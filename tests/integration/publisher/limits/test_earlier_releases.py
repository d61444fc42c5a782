"""Workers of a release that knows no limits: until they are gone, whoever looks at a limit is told so."""

import httpx2
from tests.integration.publisher.conftest import make_hand
from tests.integration.publisher.limits.limited_types import register
from tests.integration.publisher.page import page_of

from corral.store import Store

WORDS = "a worker of an earlier release knows no limits: old; the limit holds once it is gone"


async def test_a_limit_names_the_workers_that_run_its_types_and_know_no_limits(
    api: httpx2.AsyncClient, browser: httpx2.AsyncClient, store: Store
):
    await register(store)
    await make_hand(store, name="new", types=("acme.ask",))
    await make_hand(store, name="other", types=("acme.plain",), keeps_limits=False)
    old = await make_hand(store, name="old", types=("acme.ask", "acme.plain"), keeps_limits=False)
    limits = {one["name"]: one for one in (await api.get("/api/v1/limits")).json()["items"]}
    assert {name: one["ignored_by"] for name, one in limits.items()} == {
        "api": ["old"], "customer": ["old"], "tokens": ["old"], "fair": [],
    }  # fmt: skip
    assert (await api.get("/api/v1/limits/customer")).json()["ignored_by"] == ["old"]
    for page in ("/limits", "/limits/customer"):
        assert WORDS in (await page_of(browser, page)).text
    assert "earlier release" not in (await page_of(browser, "/limits/fair")).text
    await store.workers.stop(old.id)
    assert (await api.get("/api/v1/limits/customer")).json()["ignored_by"] == []
    assert "earlier release" not in (await page_of(browser, "/limits")).text


async def test_a_worker_whose_release_does_not_say_so_knows_none(store: Store):
    await make_hand(store)
    await store.database.run(
        "INSERT INTO corral.workers (id, name, host, pid, version, queues, types, slots) "
        "SELECT uuidv7(), 'old', host, pid, version, queues, types, slots FROM corral.workers"
    )
    assert {one.name: one.keeps_limits for one in await store.workers.list()} == {"hand": True, "old": False}
