"""The index of pools, fed by a watch that may miss deletions and by lists that may be late."""

from corral_operator.pools import PoolIndex


def pool(
    name: str, version: int, *, target: str = "w", created: str = "2026-01-01T00:00:00Z", **spec
) -> dict:
    return {
        "metadata": {
            "name": name,
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
