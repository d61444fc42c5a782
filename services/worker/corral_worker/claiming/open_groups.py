"""What a worker knows of groups from its last claims: which hold no batches, and of which limits have room for all.

A claim that takes a whole turn leaves the limits with room, mostly, and the next one can be the short statement
(`corral.store.attempts.open_claims`). It begins where the last one did, and looks at none of the types that are handled in
batches. What it passes over so is found by the whole claim, once in a second at least, or later by what that one took.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from corral.dispatch.rings import Turn
from corral.store.attempts.limit_claims import ClaimedGroups
from corral.store.attempts.open_claims import OpenTake

WHOLE_SECONDS = 1.0
"""Seconds within which a group is claimed of from its beginning, and with its batches."""
SHARE, LONGEST_SECONDS = 0.1, 30.0
"""Of its time that a worker spends on that at most, where it takes long: then it does so at least every so many seconds."""
NARROW_SECONDS = (2.0, 60.0)
"""First and longest time for which a group is claimed of for free slots alone, after a claim beyond these took nothing."""
MOST = 1_000
"""Groups that a worker knows of; it forgets all when there are more."""


@dataclass(slots=True)
class _KnownGroup:
    until: float
    """Until when it is known to have no batches."""
    since: float
    """Where the next short claim begins."""
    weight: float
    open: bool = False
    """Whether the last claim left its limits with room, as far as can be told."""


class OpenGroups:
    """Remembers groups for a second or so. Belongs to the claim loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[UUID, _KnownGroup] = {}
        self._narrow: dict[UUID, tuple[float, float]] = {}
        """Groups that are claimed of for free slots alone: until when, and how long it would be the next time."""

    def without_batches(self, turns: Sequence[Turn]) -> bool:
        """Whether none of these groups had jobs that are handled in batches when all of it was looked at."""
        now = self._clock()
        return all((one := self._known.get(turn.group)) is not None and one.until > now for turn in turns)

    def takes(self, turns: Sequence[Turn]) -> dict[UUID, OpenTake] | None:
        """What a short claim of all these groups asks for; None where a whole one is needed."""
        now = self._clock()
        takes = {}
        for turn in turns:
            known = self._known.get(turn.group)
            if known is None or not known.open or known.until <= now:
                return None
            takes[turn.group] = OpenTake(turn.take, known.since)
        return takes

    def roomy(self, turns: Sequence[Turn]) -> bool:
        """Whether a short claim of all these groups may ask for more jobs than slots are free."""
        now = self._clock()
        wide = all(turn.group not in self._narrow or self._narrow[turn.group][0] <= now for turn in turns)
        return wide and self.takes(turns) is not None

    def narrow(self, groups: Iterable[UUID]) -> None:
        """Take note that a claim beyond the free slots took nothing of these groups, though they have jobs."""
        if len(self._narrow) > MOST:
            self._narrow.clear()
        first, longest = NARROW_SECONDS
        for group in groups:
            _, seconds = self._narrow.get(group, (0.0, first))
            self._narrow[group] = self._clock() + seconds, min(2 * seconds, longest)

    def wide(self, groups: Iterable[UUID]) -> None:
        """Take note that a claim beyond the free slots found room."""
        for group in groups:
            self._narrow.pop(group, None)

    def weights(self, turns: Sequence[Turn]) -> dict[UUID, float]:
        """The weights of these groups' keys."""
        return {turn.group: one.weight for turn in turns if (one := self._known.get(turn.group)) is not None}

    def claimed_whole(
        self, turns: Sequence[Turn], answer: ClaimedGroups, batches: Collection[str], seconds: float
    ) -> None:
        """Take note of a claim that looked at everything and took so many seconds; `batches` are the types with batches."""
        if len(self._known) > MOST:
            self._known.clear()
        until = self._clock() + min(max(WHOLE_SECONDS, seconds / SHARE), LONGEST_SECONDS)
        for turn in turns:
            self._known.pop(turn.group, None)
        together = {job.limit_group for job in answer.claimed if not job.limits or job.type in batches}
        for group, since in answer.since.items():
            if group not in together:
                self._known[group] = _KnownGroup(until, since, answer.weights.get(group, 1.0))

    def claimed(self, since: Mapping[UUID, float]) -> None:
        """Take note of where the jobs begin that a claim took which looked at no batches."""
        for group, at in since.items():
            if (known := self._known.get(group)) is not None:
                known.since = at

    def told(self, turns: Sequence[Turn], took: Mapping[UUID | None, int], empty: Collection[UUID]) -> None:
        """Take note of what claims left: limits of a group that took all that was asked for, or is empty now, have room.

        A group of which nothing was taken, though it is not empty, may have got a batch meanwhile.
        """
        for turn in turns:
            if (known := self._known.get(turn.group)) is None:
                continue
            known.open = took.get(turn.group, 0) >= turn.take or turn.group in empty
            if not known.open and not took.get(turn.group):
                del self._known[turn.group]
