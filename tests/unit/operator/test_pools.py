"""The index of pools, fed by a watch that may miss deletions and by lists that may be late."""

from corral_operator.cluster.pool_selector import PoolSelector
from corral_operator.cluster.pools import PoolIndex


def pool(
    name: str,
    version: int,
    *,
    target: str = "w",
    created: str = "2026-01-01T00:00:00Z",
    labels: dict | None = None,
    **spec,
) -> dict:
    return {
        "metadata": {
            "name": name,
            "labels": labels or {},
            "uid": name,
            "resourceVersion": str(version),
            "creationTimestamp": created,
        },
        "spec": {"scaleTargetRef": {"name": target}, "queues": ["q"], "maxReplicas": 3, "slots": 4} | spec,
    }


def names(pools: PoolIndex) -> list[str]:
    return [one.name for one in pools.all()]


def test_a_deletion_that_the_watch_missed_shows_in_the_next_list():
    pools = PoolIndex()
    pools.seen(pool("a", 1), False)
    pools.seen(pool("b", 2), False)
    pools.listed([pool("b", 2)], 5)
    assert names(pools) == ["b"]


def test_a_late_list_takes_nothing_away_that_is_newer():
    pools = PoolIndex()
    pools.seen(pool("new", 9), False)
    pools.seen(pool("changed", 8, maxReplicas=7), False)
    pools.listed([pool("changed", 4)], 5)
    assert names(pools) == ["changed", "new"]
    assert pools.all()[0].pool.maximum == 7


def test_a_deleted_pool_is_gone():
    pools = PoolIndex()
    pools.seen(pool("a", 1), False)
    pools.seen(pool("a", 2), True)
    assert names(pools) == []


def test_what_can_not_be_read_is_left_out():
    pools = PoolIndex()
    pools.listed([pool("a", 1), pool("broken", 2, minReplicas=9)], 5)
    assert names(pools) == ["a"]


def test_the_older_of_two_pools_has_the_target():
    pools = PoolIndex()
    pools.listed(
        [pool("young", 1, created="2026-02-01T00:00:00Z"), pool("old", 2), pool("other", 3, target="x")], 5
    )
    assert list(pools.rivals()) == ["young"]
    assert "older pool old" in pools.rivals()["young"]


def test_a_star_serves_every_queue():
    pools = PoolIndex()
    pools.listed([pool("a", 1, queues=["*"])], 5)
    assert pools.all()[0].pool.serves("anything")


def selecting() -> PoolIndex:
    return PoolIndex(PoolSelector.of("release=one"))


def labelled(name: str, version: int, release: str = "one", of: str = "io", **more) -> dict:
    return pool(name, version, labels={"release": release, "corral.dev/pool": of}, **more)


def test_a_pool_of_another_release_is_not_known():
    pools = selecting()
    pools.listed([labelled("one-worker-io", 1), labelled("two-worker-io", 2, "two"), pool("hand-made", 3)], 5)
    assert [one.resource for one in pools.all()] == ["one-worker-io"]
    assert [(one.pool.resource, one.own) for one in pools.notices()] == [("hand-made", False)]


def test_a_pool_that_is_given_to_another_release_is_let_go_and_taken_back():
    pools = selecting()
    pools.seen(labelled("a", 1), False)
    pools.seen(labelled("a", 2, "two"), False)
    assert names(pools) == []
    pools.seen(labelled("a", 3), False)
    assert names(pools) == ["io"]
    pools.seen(pool("a", 4), False)
    assert names(pools) == []
    assert [one.pool.resource for one in pools.notices()] == ["a"]
    pools.seen(pool("a", 5), True)
    assert pools.notices() == []


def test_of_two_resources_of_one_pool_the_one_with_the_bare_name_gives_way():
    """Before names carried the release a pool's resource was called as the pool."""
    pools = selecting()
    pools.listed([labelled("io", 1), labelled("one-worker-io", 2, created="2026-02-01T00:00:00Z")], 5)
    assert [one.resource for one in pools.all()] == ["one-worker-io"]
    assert pools.rivals() == {}
    (notice,) = pools.notices()
    assert (notice.pool.resource, notice.why.type) == ("io", "TargetTaken")
    assert "one-worker-io is the pool io too" in notice.why.message
    pools.listed([labelled("one-worker-io", 2)], 6)
    assert pools.notices() == []


def test_of_two_other_resources_of_one_pool_the_older_stays():
    pools = selecting()
    pools.listed([labelled("b", 1, created="2026-02-01T00:00:00Z"), labelled("a", 2), labelled("c", 3)], 5)
    assert [one.resource for one in pools.all()] == ["a"]
