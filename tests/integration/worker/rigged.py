"""A worker with failpoints, for tests alone: `python -m tests.integration.worker.rigged`.

RIG_FAILPOINT names what happens, RIG_ONCE a file that makes it happen once over all processes.
"""

import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from corral.errors import FieldError, InvalidInput, Unavailable
from corral.job.outcome import Finished
from corral.store.attempts.attempts import Attempts
from corral.store.attempts.claims import Claims
from corral.store.attempts.effects import Effects


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def lose() -> None:
    raise Unavailable("postgres", "the answer was lost")


def nothing() -> None: ...


FAILPOINTS: dict[str, tuple[type, str, Callable[[], None], Callable[[], None]]] = {
    "killed-between-pop-and-claim": (Claims, "claim", kill, nothing),
    "killed-after-the-claim": (Claims, "claim", nothing, kill),
    "killed-before-the-completion": (Attempts, "finish", kill, nothing),
    "killed-after-the-completion": (Attempts, "finish", nothing, kill),
    "killed-before-the-begin": (Effects, "begin", kill, nothing),
    "killed-after-the-begin": (Effects, "begin", nothing, kill),
    "killed-before-the-end": (Effects, "end", kill, nothing),
    "killed-after-the-end": (Effects, "end", nothing, kill),
    "answer-of-the-begin-lost": (Effects, "begin", nothing, lose),
    "answer-of-the-end-lost": (Effects, "end", nothing, lose),
    "claim-not-sent": (Claims, "claim", lose, nothing),
    "answer-of-the-claim-lost": (Claims, "claim", nothing, lose),
    "answer-of-the-completion-lost": (Attempts, "finish", nothing, lose),
}
"""Class, method, what happens before it, what happens after it."""


def refuse_poison() -> None:
    """Postgres refuses whatever batch has the result "poison" in it, as often as it is sent."""
    real = Attempts.finish

    async def finish(self: Attempts, worker: Any, finished: Sequence[Finished], **keywords: Any) -> Any:
        if any(getattr(one.outcome, "result", None) == '"poison"' for one in finished):
            raise InvalidInput(FieldError("/0/result", "rigged"))
        return await real(self, worker, finished, **keywords)

    Attempts.finish = finish  # type: ignore[method-assign]


def forget_a_claim() -> None:
    """One claim is committed, its answer lost, and what it took not found: only the heartbeat can tell."""
    claim, under = Claims.claim, Claims.claimed_under
    lost: list[Any] = []

    async def forgotten(self: Claims, worker: Any, claim_id: Any, *arguments: Any, **keywords: Any) -> Any:
        answer = await claim(self, worker, claim_id, *arguments, **keywords)
        if not lost:
            lost.append(claim_id)
            lose()
        return answer

    async def claimed_under(self: Claims, claim_id: Any) -> Any:
        return [] if claim_id in lost else await under(self, claim_id)

    Claims.claim, Claims.claimed_under = forgotten, claimed_under  # type: ignore[method-assign]


IMPATIENT = "impatient"
"""What can't be stopped is abandoned soon."""
RIGS = {
    "postgres-refuses-a-result": refuse_poison,
    "a-claim-is-forgotten": forget_a_claim,
}


def rig(failpoint: str, once: Path) -> None:
    if failpoint == IMPATIENT:
        return
    if failpoint in RIGS:
        RIGS[failpoint]()
        return
    cls, method, before, after = FAILPOINTS[failpoint]
    real: Callable[..., Awaitable[Any]] = getattr(cls, method)

    def strike(what: Callable[[], None]) -> None:
        if what is nothing:
            return
        try:
            once.touch(exist_ok=False)
        except FileExistsError:
            return
        what()

    async def rigged(*arguments: Any, **keywords: Any) -> Any:
        strike(before)
        answer = await real(*arguments, **keywords)
        strike(after)
        return answer

    setattr(cls, method, rigged)


if __name__ == "__main__":
    import sys

    from corral_worker.main import main

    chosen = os.environ["RIG_FAILPOINT"]
    rig(chosen, Path(os.environ["RIG_ONCE"]))
    sys.exit(main(abandon_seconds=0.2, poll_seconds=0.1) if chosen == IMPATIENT else main())
