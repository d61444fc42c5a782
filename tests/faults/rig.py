"""Runs a program with failpoints set or guards switched off: `RIG=a,b python -m tests.faults.rig corral_worker`.

All of it is done from outside, by replacing names of the shipped modules: the shipped code holds no switch.
Each function below is one fault or one guard; one that does not fit the code any more fails at once.
"""

import asyncio
import os
import runpy
import signal
import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from corral.errors import Unavailable
from corral.store.attempts import attempts, claims, endings
from corral.store.workers import heartbeat, reclaiming, workers

WARM = 3
"""A failpoint is hit at this call, so that the system is under way."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_together() -> None:
    """All processes of a publisher."""
    os.killpg(0, signal.SIGKILL)


def freeze() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def lose_answer() -> None:
    raise Unavailable("postgres", "the answer was lost")


def replaced(module: Any, name: str, old: str, new: str) -> None:
    """Change a statement."""
    text = getattr(module, name)
    assert old in text, f"{module.__name__}.{name} has changed: the rig no longer fits"
    setattr(module, name, text.replace(old, new))


def at_call(
    owner: type,
    name: str,
    *,
    number: int = WARM,
    before: Callable[[], None] | None = None,
    after: Callable[[], None] | None = None,
) -> None:
    """Hit a failpoint at one call of an async method."""
    real = getattr(owner, name)
    calls = 0

    async def rigged(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        hit = calls == number
        if before and hit:
            before()
        answer = await real(*args, **kwargs)
        if after and hit:
            after()
        return answer

    patch.object(owner, name, rigged).start()


# -- faults of workers


def kill_before_claim() -> None:
    """Between pop and claim."""
    at_call(claims.Claims, "claim", before=die)


def kill_after_claim() -> None:
    """The claim is committed; the worker never learns of it."""
    at_call(claims.Claims, "claim", after=die)


def lose_claim_answer() -> None:
    """The claim is committed; its answer gets lost on the way, and the worker lives."""
    at_call(claims.Claims, "claim", after=lose_answer)


def kill_before_finish() -> None:
    """The effects happened; the completion was not written."""
    at_call(attempts.Attempts, "finish", before=die)


def kill_after_finish() -> None:
    """The completion is committed; nobody was told."""
    at_call(attempts.Attempts, "finish", after=die)


def lose_finish_answer() -> None:
    """The completion is committed; its answer gets lost, and the worker writes it again."""
    at_call(attempts.Attempts, "finish", after=lose_answer)


def take_for_quick() -> None:
    """What ended at once ten times is claimed beyond the slots."""
    from corral_worker.claiming.claim_loop import ClaimLoop  # noqa: PLC0415  only workers have it

    defaults = ClaimLoop.__init__.__kwdefaults__
    assert "quick_runs" in defaults
    defaults["quick_runs"] = 10


def kill_before_put_back() -> None:
    """What was claimed beyond the slots has none; the worker dies with it."""
    at_call(claims.Claims, "put_back", before=die)


def kill_after_put_back() -> None:
    """It is back in Postgres; Redis was not told."""
    at_call(claims.Claims, "put_back", after=die)


def lose_put_back_answer() -> None:
    """It is back in Postgres; the answer gets lost, and the worker asks again."""
    at_call(claims.Claims, "put_back", after=lose_answer)


# -- faults of the leader


def freeze_before_reclaim() -> None:
    """The leader stops between its last look at a worker and taking it."""
    at_call(workers.Workers, "reclaim", number=1, before=freeze)


def lead_always() -> None:
    """Lead from the start and for ever, whoever else does: no lease, no term."""
    from corral.maintenance.leadership import LeaderCandidate, Reign  # noqa: PLC0415  only maintenance has it
    from corral.store.leader import leases  # noqa: PLC0415

    async def look(self: Any) -> Reign:
        return Reign(self._leases, leases.Term(leases.LEADER, self._holder, 1, 0), None, self._clock)

    async def keep(self: Any, *_: Any) -> None:
        await asyncio.Event().wait()

    patch.object(LeaderCandidate, "look", look).start()
    patch.object(Reign, "keep", keep).start()
    replaced(
        leases,
        "HOLD",
        "WHERE name = %(name)s AND term = %(term)s FOR KEY SHARE",
        "RIGHT JOIN (SELECT) s ON true",
    )


# -- faults of publishers


def kill_after_insert() -> None:
    """The jobs are committed; the client gets no answer."""
    from corral.store.jobs.insert import JobInsert  # noqa: PLC0415  as the others of this kind

    at_call(JobInsert, "insert", after=die_together)


def kill_before_enqueue() -> None:
    """The client has its answer; Redis was not told."""
    from corral.dispatch.lanes import Lanes  # noqa: PLC0415

    at_call(Lanes, "enqueue", before=die_together)


# -- guards switched off


def no_fence() -> None:
    """Rule 15 off: a completion is written whatever attempt the job is at."""
    held = "WHERE j.attempt = i.attempt AND j.state = 'running' AND j.worker = %(worker)s"
    replaced(endings, "SUCCEED", held, "WHERE true")


def no_claim_id() -> None:
    """Rule 11 off: what an unanswered claim took is not asked for."""

    async def nothing(*_: Any) -> list[Any]:
        return []

    patch.object(claims.Claims, "claimed_under", nothing).start()


def no_reconciliation() -> None:
    """Rule 21 off: rows that run under a worker that does not hold them stay so."""
    replaced(heartbeat, "BEAT", "WHERE mine.started_at <", "WHERE false AND mine.started_at <")


def no_suspects() -> None:
    """Rule 24 off: nobody runs alone, and every stall counts."""
    replaced(claims, "CLAIM", "AND (%(alone)s OR NOT j.suspect)", "")
    replaced(reclaiming, "RECLAIM", "count(*) OVER () = 1 AS alone", "true AS alone")
    replaced(reclaiming, "RECLAIM", "THEN j.suspect OR true", "THEN false")


def no_observation() -> None:
    """Rule 22 off: what the leader saw before a failure counts on after it."""
    from corral.maintenance.observation import LeaseObservation  # noqa: PLC0415

    patch.object(LeaseObservation, "begin_anew", lambda _: None).start()


def no_counter() -> None:
    """Rule 23 off: a worker is taken whatever its counter says by now."""
    replaced(reclaiming, "LOSE", "AND w.counter = %(counter)s", "")


def no_seal() -> None:
    """Seals off: a worker that answered claims on whatever Postgres says by now."""
    from corral_worker.lifecycle.seal import Seal  # noqa: PLC0415  only workers have it

    patch.object(Seal, "held", property(lambda _: False)).start()


def no_sweep() -> None:
    """Rule 7 off: nobody asks Redis what it does not know."""
    from corral.maintenance.duties.sweep import Sweep  # noqa: PLC0415

    async def nothing(*_: Any) -> int:
        return 0

    patch.object(Sweep, "round", nothing).start()


def main() -> None:
    """Set what RIG names, then run the module."""
    for name in os.environ["RIG"].split(","):
        globals()[name.replace("-", "_")]()
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
