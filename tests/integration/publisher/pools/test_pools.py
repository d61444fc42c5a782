"""Pools by API: as told, stale when told no more, with the decisions that made them so."""

from dataclasses import replace

import httpx2
import pytest
from fastapi import FastAPI
from tests.fixtures.clock import Clock
from tests.integration.publisher.pools.telling import decision, status

from corral.dispatch import Dispatch
from corral.errors import NotFound
from corral.store import Store
from corral_publisher.views.pools import FORGET_SECONDS, STALE_SECONDS, PoolBoard


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(store: Store, dispatch: Dispatch, clock: Clock) -> PoolBoard:
    return PoolBoard(store, dispatch, clock)


async def test_pools_are_answered_as_they_were_told(
    app: FastAPI, api: httpx2.AsyncClient, dispatch: Dispatch
):
    assert (await api.get("/api/v1/pools")).json() == {"items": [], "next": None}
    told = status(at=1_790_000_000.25, last_scale_at=1_789_999_990.0, conditions=("Limited",))
    await dispatch.pools.report(told)
    await dispatch.pools.report(status("cpu"))
    await app.state.services.pools.look()
    cpu, io = (await api.get("/api/v1/pools")).json()["items"]
    assert io == told.json() | {
        "at": "2026-09-21T14:13:20.250000Z",
        "last_scale_at": "2026-09-21T14:13:10Z",
        "queues": ["post", "express"],
        "conditions": ["Limited"],
        "draining": [],
        "stale": False,
    }
    assert (await api.get("/api/v1/pools/cpu")).json() == cpu
    unknown = await api.get("/api/v1/pools/nothing")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "there is no pool nothing")


async def test_a_pool_that_is_told_of_no_more_is_stale_and_then_forgotten(
    board: PoolBoard, dispatch: Dispatch, clock: Clock
):
    first = status()
    await dispatch.pools.report(first)
    await board.look()
    clock.now += STALE_SECONDS
    assert not (await board.view("io")).stale
    await dispatch.pools.report(replace(first, at=first.at + 1))
    await board.look()
    clock.now += STALE_SECONDS
    assert not (await board.view("io")).stale
    await board.look()  # it is there still, but the same
    clock.now += 0.1
    view = await board.view("io")
    assert view.stale
    assert view.silent == pytest.approx(STALE_SECONDS + 0.1)
    assert view.status.at == first.at + 1
    await dispatch.pools.report(replace(first, at=first.at + 60))
    await board.look()
    assert not (await board.view("io")).stale
    assert [sample.at - first.at for sample in (await board.view("io")).samples] == [0, 1, 60]
    clock.now += FORGET_SECONDS + 1
    await board.look()
    assert board.known() == []


async def test_a_pool_is_found_as_soon_as_it_is_told_of(board: PoolBoard, dispatch: Dispatch):
    """The page of a pool that is a moment old is its page: the board looks once a second."""
    await board.look()
    with pytest.raises(NotFound):
        await board.view("io")
    await dispatch.pools.report(status())
    assert (await board.view("io")).status.name == "io"


async def test_the_last_decisions_come_from_both_books_once_each(
    board: PoolBoard, store: Store, dispatch: Dispatch
):
    kept, both, fresh = decision(0, 3), decision(3, 5), decision(5, 9)
    term = await store.leases.acquire("test", None)
    assert term is not None
    await store.scaling.add([kept, both, decision(1, 2, pool="cpu")], term)
    for one in (both, fresh, decision(4, 0, pool="cpu")):
        await dispatch.pools.record(one)
    await board.look()  # what was decided comes before the pool itself
    await dispatch.pools.report(status())
    await board.look()
    view = await board.view("io")
    assert [one.id for one in view.decisions] == [fresh.id, both.id, kept.id]
    await dispatch.pools.record(last := decision(9, 0))
    await board.look()
    assert [one.id for one in (await board.view("io")).decisions] == [last.id, fresh.id, both.id, kept.id]


async def test_decisions_are_paged_newest_first_also_of_pools_that_are_gone(
    api: httpx2.AsyncClient, store: Store
):
    decided = [decision(number, number + 1, conditions=("Limited",)) for number in range(5)]
    term = await store.leases.acquire("test", None)
    assert term is not None
    await store.scaling.add(decided, term)
    first = (await api.get("/api/v1/pools/io/decisions", params={"limit": 3})).json()
    assert [one["before"] for one in first["items"]] == [4, 3, 2]
    newest = first["items"][0]
    assert newest["reason"] == decided[-1].reason
    assert newest["conditions"] == ["Limited"]
    assert newest["at"].endswith("Z")
    second = (
        await api.get("/api/v1/pools/io/decisions", params={"limit": 3, "cursor": first["next"]})
    ).json()
    assert ([one["before"] for one in second["items"]], second["next"]) == ([1, 0], None)


async def test_a_pool_without_decisions_has_an_empty_page_and_an_unknown_one_none(
    app: FastAPI, api: httpx2.AsyncClient, dispatch: Dispatch
):
    await dispatch.pools.report(status("idle"))
    await app.state.services.pools.look()
    assert (await api.get("/api/v1/pools/idle/decisions")).json() == {"items": [], "next": None}
    assert (await api.get("/api/v1/pools/nothing/decisions")).status_code == 404


@pytest.mark.parametrize(
    ("query", "named"), [({"limit": "0"}, "limit"), ({"limit": "201"}, "limit"), ({"cursor": "x"}, "cursor")]
)
async def test_a_wrong_page_is_refused_by_the_name_of_its_parameter(
    api: httpx2.AsyncClient, query: dict[str, str], named: str
):
    answer = await api.get("/api/v1/pools/io/decisions", params=query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == named


async def test_pools_that_rest_at_zero_are_well(stranger: httpx2.AsyncClient, dispatch: Dispatch):
    async def health() -> tuple[int, str]:
        answer = await stranger.get("/health/workers")
        return answer.status_code, answer.json()["status"]

    assert await health() == (503, "none")
    await dispatch.pools.report(status(desired=0))
    assert await health() == (200, "at-rest")
    await dispatch.pools.report(status("cpu", desired=1))
    assert await health() == (503, "none")
