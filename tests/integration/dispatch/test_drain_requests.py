"""Requests and seals are hints with an expiry; the later word replaces the earlier one."""

from redis.asyncio import Redis

from corral.dispatch import Dispatch
from corral.scaling.drain_request import DrainRequest, Unseal


async def test_a_wish_is_told_to_the_leader_and_to_the_worker(dispatch: Dispatch):
    await dispatch.drain_requests.write("io", {"io-a": DrainRequest("n1"), "io-b": DrainRequest()})
    await dispatch.drain_requests.write("cpu", {})
    requested = await dispatch.drain_requests.all()
    assert {pool: set(request.workers) for pool, request in requested.items()} == {
        "io": {"io-a", "io-b"},
        "cpu": set(),
    }
    assert await dispatch.drain_requests.of("io-a") == DrainRequest("n1")
    assert await dispatch.drain_requests.of("io-b") == DrainRequest()
    assert await dispatch.drain_requests.of("io-c") is None


async def test_each_writing_moves_the_sequence_even_of_the_same_wishes(dispatch: Dispatch):
    seen = []
    for _ in range(20):
        await dispatch.drain_requests.write("io", {"io-a": DrainRequest()})
        seen.append((await dispatch.drain_requests.all())["io"].sequence)
    assert seen == sorted(set(seen))


async def test_the_sequence_moves_over_a_wipe(dispatch: Dispatch, redis: Redis):
    await dispatch.drain_requests.write("io", {})
    before = (await dispatch.drain_requests.all())["io"].sequence
    await redis.flushall()
    await dispatch.drain_requests.write("io", {})
    assert (await dispatch.drain_requests.all())["io"].sequence != before


async def test_wishes_expire(dispatch: Dispatch, redis: Redis):
    await dispatch.drain_requests.write("io", {"io-a": DrainRequest("n1")})
    assert 0 < await redis.ttl("corral:drain:io-a") <= 15
    time, _, document = (await redis.hget("corral:drains", "io") or "").partition(" ")
    await redis.hset("corral:drains", "io", f"{int(time) - 31_000} {document}")
    assert await dispatch.drain_requests.all() == {}


async def test_a_worker_answers_the_nonce_it_was_asked_with(dispatch: Dispatch, redis: Redis):
    assert await dispatch.drain_requests.seals([]) == {}
    await dispatch.drain_requests.answer_seal("io-a", "n1")
    await dispatch.drain_requests.answer_seal("io-a", "n2")
    assert await dispatch.drain_requests.seals(["io-b", "io-a"]) == {"io-a": "n2"}
    assert 0 < await redis.ttl("corral:seal:io-a") <= 30


async def test_unsealing_takes_back_wish_and_answer_until_the_next_wish(dispatch: Dispatch, redis: Redis):
    await dispatch.drain_requests.write("io", {"io-a": DrainRequest("n1")})
    await dispatch.drain_requests.answer_seal("io-a", "n1")
    await dispatch.drain_requests.unseal(["io-a"])
    assert await dispatch.drain_requests.of("io-a") == Unseal()
    assert await dispatch.drain_requests.seals(["io-a"]) == {}
    assert 0 < await redis.ttl("corral:drain:io-a") <= 30
    await dispatch.drain_requests.write("io", {"io-a": DrainRequest("n2")})
    assert await dispatch.drain_requests.of("io-a") == DrainRequest("n2")


async def test_a_nonce_may_be_any_word(dispatch: Dispatch):
    for nonce in ("unseal", "drain", "seal:", ""):
        await dispatch.drain_requests.write("io", {"io-a": DrainRequest(nonce)})
        assert await dispatch.drain_requests.of("io-a") == DrainRequest(nonce)


async def test_what_others_write_there_is_no_wish_and_hides_none(dispatch: Dispatch, redis: Redis):
    await dispatch.drain_requests.write("io", {"io-a": DrainRequest("n1")})
    now = (await redis.hget("corral:drains", "io") or "").partition(" ")[0]
    for document in ("null", "no json", "3"):
        await redis.hset("corral:drains", b"\xff", f"{now} {document}")
        assert [*await dispatch.drain_requests.all()] == ["io"]
    await redis.set("corral:drain:io-b", b"\xff\xfe")
    await redis.set("corral:seal:io-b", b"\xff\xfe")
    assert await dispatch.drain_requests.of("io-b") == DrainRequest()
    assert (await dispatch.drain_requests.seals(["io-b"])).keys() == {"io-b"}
