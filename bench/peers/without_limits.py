"""Corral's worker without what limits added to the way of a job that has none: in the pop, the claim, and the loop.

What is left of them there is a look at a tuple when the attempt ends and one when it is written. The indexes are dropped by whoever starts this.
"""

import hashlib
import sys
from collections.abc import Mapping
from typing import Any

from corral.dispatch import lanes
from corral.process.startup import prepare
from corral.store.attempts import claims
from corral_worker.claiming.claim_loop import ClaimLoop
from corral_worker.lifecycle.types_in_force import TypesInForce

POP = {
    "any({KEY.parked, KEY.ring}, asked, KEY.gathering)": "any({KEY.parked}, asked)",
    "any({KEY.list}, asked), beside_lists and any({KEY.ring}, asked)": "any({KEY.list}, asked), false",
    "  end_due_gatherings(time)\n": "",
    "any({KEY.list, KEY.parked, KEY.ring}, lanes)": "any({KEY.list, KEY.parked}, lanes)",
}
CLAIM = {
    ", l.limit_group, l.limits, l.unique_key\n": ", l.unique_key\n",
    " AND j.limit_group IS NULL\n": "\n",
    "(j.type = ANY(%(types)s::text[]) OR (j.limits IS NOT NULL AND j.type = ANY(%(limited)s::text[])))": "j.type = ANY(%(types)s::text[])",
}


def without(text: str, parts: Mapping[str, str]) -> str:
    """Raises: RuntimeError where a part is not there: what this leaves out has changed."""
    for part, instead in parts.items():
        if part not in text:
            raise RuntimeError(f"{part!r} is not in what bench.peers.without_limits changes")
        text = text.replace(part, instead)
    return text


def pop_script() -> str:
    """The text of pop.lua without rings."""
    return without(vars(vars(lanes)["_POP"])["_text"], POP)


def claim_statements() -> dict[str, str]:
    """The statements that claim ids, without limits."""
    return {name: without(vars(claims)[name], CLAIM) for name in ("CLAIM", "CLAIM_BEYOND")}


def take_out() -> None:
    """Before the worker begins."""
    text = pop_script()
    vars(vars(lanes)["_POP"]).update(
        _text=text, _hash=hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    )
    vars(claims).update(claim_statements())

    async def no_turns(*_: Any, **__: Any) -> bool:
        return False

    ClaimLoop._take_turns = no_turns  # noqa: SLF001  # type: ignore[method-assign]
    TypesInForce.limited = lambda _: ()  # type: ignore[method-assign]


if __name__ == "__main__":
    prepare()
    take_out()
    from corral_worker.main import main

    sys.exit(main())
