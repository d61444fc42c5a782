"""The behaviour of a store: every implementation passes every test of StoreConformance.

Subclass it in a test module and give it a fixture `subject`. Needs pytest
with pytest-asyncio in auto mode; the machine needs Hypothesis.
"""

from corral_testing.conformance.admitting import Admitting
from corral_testing.conformance.batching import Batching
from corral_testing.conformance.claiming import Claiming
from corral_testing.conformance.commands import CommandsOfPeople
from corral_testing.conformance.counting import Counting
from corral_testing.conformance.deciding import Deciding
from corral_testing.conformance.delivering import Delivering
from corral_testing.conformance.doing_once import DoingOnce
from corral_testing.conformance.draining import Draining
from corral_testing.conformance.finishing import Finishing
from corral_testing.conformance.following import Following
from corral_testing.conformance.holding import Holding
from corral_testing.conformance.idempotent import Idempotent
from corral_testing.conformance.leadership import Leadership
from corral_testing.conformance.leasing import Leasing
from corral_testing.conformance.limiting import Limiting
from corral_testing.conformance.losing import Losing
from corral_testing.conformance.passing_on import PassingOn
from corral_testing.conformance.putting_back import PuttingBack
from corral_testing.conformance.snoozing import Snoozing
from corral_testing.conformance.submitting import Submitting
from corral_testing.conformance.telling import Telling
from corral_testing.conformance.transitions import Transitions
from corral_testing.conformance.unique import BeingUnique


class StoreConformance(
    Transitions,
    Submitting,
    Idempotent,
    BeingUnique,
    PassingOn,
    Claiming,
    PuttingBack,
    Finishing,
    Following,
    DoingOnce,
    CommandsOfPeople,
    Counting,
    Limiting,
    Snoozing,
    Telling,
    Delivering,
    Admitting,
    Holding,
    Leasing,
    Batching,
    Losing,
    Draining,
    Deciding,
    Leadership,
):
    """What is promised to those who use a store."""


__all__ = ["StoreConformance"]
