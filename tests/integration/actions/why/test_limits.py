"""Limits that keep a job from running are named, with what holds them."""

from uuid import UUID

from tests.integration.actions.why.causes import codes
from tests.integration.worker.system import System

from corral.actions.limits.limits import LimitActions
from corral.actions.why.why import Why
from corral.ids import new_id
from corral.job.limit_use import LimitUse, group_of, uses_of
from corral.job.outcome import Finished, Parked
from corral.job.priority import Priority
from corral_testing.values import worker_record

DECLARE = "INSERT INTO corral.limits (name, declared, version) VALUES (%(name)s, %(values)s::jsonb, '1')"
USES = (LimitUse("openai"), LimitUse("customer", "acme"))


async def _submitted(system: System, *uses: LimitUse) -> UUID:
    (job,) = await system.submit("demo.echo", limits=uses_of("demo", Priority.NORMAL, uses))
    return job


async def _running(system: System, *uses: LimitUse) -> UUID:
    """A job that holds something of these."""
    worker, job = new_id(), await _submitted(system, *uses)
    await system.store.workers.register(
        worker_record(id=worker, name="w", queues=("demo",), types=("demo.echo",), slots={"async": 9})
    )
    group = group_of("demo", Priority.NORMAL, [use.name for use in uses])
    answer = await system.store.limit_claims.claim(worker, new_id(), {group: 1}, ["demo.echo"], alone=False)
    assert [claimed.id for claimed in answer.claimed] == [job]
    return job


async def test_every_full_limit_is_named_with_who_holds_it(system: System, why: Why):
    for name, values in (("openai", '{"total": 1}'), ("customer", '{"each": 1}')):
        await system.store.database.run(DECLARE, {"name": name, "values": values})
    holder = await _running(system, *USES)
    job = await _submitted(system, *USES)
    customer, openai = await codes(why, job, "limit-full", "limit-full")
    assert "limit customer for acme is full: 1 of 1 in use" in customer.message
    assert f"limit openai is full: 1 of 1 in use, by {holder} since " in openai.message
    assert await codes(why, holder) == []


async def test_limits_that_are_paused_unknown_too_small_or_used_up_say_so(system: System, why: Why):
    declared = {
        "p": '{"total": 1}',
        "small": '{"total": 2}',
        "r": '{"rate": 1, "per": 60}',
        "slow": '{"rate": 3, "per": 60}',
        "wide": '{"rate": 5000, "per": 60}',
    }
    for name, values in declared.items():
        await system.store.database.run(DECLARE, {"name": name, "values": values})
    actions = LimitActions(system.store)
    await actions.pause("p", "ann", reason="the provider moves")
    await actions.set("p", {"total": 2}, "bob", reason="it will take more")
    await _running(system, LimitUse("r"))
    job = await _submitted(
        system,
        LimitUse("p"),
        LimitUse("small", cost=3),
        LimitUse("r"),
        LimitUse("slow", cost=4),
        LimitUse("unknown"),
        LimitUse("wide", cost=501),
    )
    paused, rate, slow, small, unknown, wide = await codes(
        why,
        job,
        "limit-paused",
        "limit-rate",
        "limit-too-small",
        "limit-too-small",
        "limit-undeclared",
        "limit-too-small",
    )
    assert "limit p has been paused by ann since" in paused.message
    assert paused.message.endswith("UTC: the provider moves.")
    assert "takes 4 of the limit slow, of which at most 3 can be taken at once" in slow.message
    assert "takes 501 of the limit wide, of which at most 500" in wide.message
    assert "limit r lets 1 start in 60 seconds; 0 is left" in rate.message
    assert "can never start" in small.message
    assert "unknown was never declared" in unknown.message


async def test_a_parked_limit_says_until_when_why_and_who_goes_first(system: System, why: Why):
    await system.store.database.run(DECLARE, {"name": "openai", "values": '{"total": 2}'})
    told = await _running(system, LimitUse("openai"))
    job = await _submitted(system, LimitUse("openai"))
    worker = (await system.store.jobs.many([told]))[0].worker
    assert worker is not None
    parked = Parked(600.0, "openai", "429 Too Many Requests")
    await system.store.attempts.finish(worker, [Finished(told, 1, parked, limited=True)])
    (cause,) = await codes(why, job, "limit-parked")
    assert f"as job {told} was told: 429 Too Many Requests" in cause.message
    assert (await system.store.backlog()).queues["demo"].queued == 0, "it needs no worker"
    await system.store.database.run("UPDATE corral.limit_keys SET parked_until = now()")
    assert (await system.store.backlog()).queues["demo"].queued == 1, "one goes first"
    group = group_of("demo", Priority.NORMAL, ["openai"])
    await system.store.limit_claims.claim(worker, new_id(), {group: 5}, ["demo.echo"], alone=False)
    (cause,) = await codes(why, job, "limit-probed")
    assert f"Job {told} goes first" in cause.message
    await LimitActions(system.store).resume("openai", "ann")
    assert await codes(why, job) == []


async def test_the_backlog_counts_what_limits_let_start(system: System):
    await system.store.database.run(DECLARE, {"name": "openai", "values": '{"total": 3}'})
    await system.store.database.run(DECLARE, {"name": "customer", "values": '{"each": 2}'})
    for key in ("a", "b", "c"):
        for _ in range(4):
            await _submitted(system, LimitUse("openai"), LimitUse("customer", key))
    await _submitted(system, LimitUse("unknown"))
    backlog = (await system.store.backlog()).queues["demo"]
    assert backlog.queued == 3, "each key lets two start, and all together three"
    assert backlog.mix == {"demo.echo": 1}
    assert backlog.limited is not None
    assert (backlog.limited.held, backlog.limited.running) == (10, 0)


async def test_the_backlog_tells_what_each_worker_may_run(system: System):
    await system.store.database.run(DECLARE, {"name": "gpu", "values": '{"per_worker": 2}'})
    await _submitted(system, LimitUse("gpu"))
    limited = (await system.store.backlog()).queues["demo"].limited
    assert limited is not None
    assert (limited.queued, limited.per_worker) == (1, 2)


async def test_each_worker_that_runs_as_many_as_it_may_is_named(system: System, why: Why):
    await system.store.database.run(DECLARE, {"name": "gpu", "values": '{"per_worker": 1}'})
    await _running(system, LimitUse("gpu"))
    job = await _submitted(system, LimitUse("gpu"))
    (cause,) = await codes(why, job, "limit-per-worker")
    assert "limit gpu lets each worker run 1, and every worker of the queue does: w runs 1" in cause.message


async def test_a_slot_that_is_held_for_life_says_so(system: System, why: Why):
    values = '{"each": 1, "by": "order", "hold": "life"}'
    await system.store.database.run(DECLARE, {"name": "order", "values": values})
    holder = await _running(system, LimitUse("order", "acme"))
    job = await _submitted(system, LimitUse("order", "acme"))
    (cause,) = await codes(why, job, "limit-full")
    assert f"in use, by {holder} since " in cause.message
    assert "A job keeps its slot until it has ended" in cause.message
