"""What handlers ask for with Snooze and RateLimited, and what becomes of it."""

import random
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.fixtures.claimed import claimed_job

from corral.errors import RateLimited, Retry, Snooze
from corral.job.backoff import Exponential
from corral.job.limits import MAX_DELAY_SECONDS
from corral.job.outcome import Cancelled, Erred, Outcome, Parked, Released, Snoozed
from corral_worker.attempts.handler_call import raised
from corral_worker.attempts.outcomes import Stop, outcome_of, parked_name
from corral_worker.child_processes import framing

CLAIMED = claimed_job(id=UUID(int=1), retries=3, timeout=5.0)


def outcome(error: BaseException, *limits: str, stop: Stop | None = None) -> Outcome:
    claimed = replace(CLAIMED, limits=limits)
    (crossed,) = framing.Decoder().feed(framing.encode(raised(error)))
    return outcome_of(crossed, stop, claimed, Exponential(2), random.Random(1))


@pytest.mark.parametrize(("after", "wait"), [(60, 60), (-1, 0), (1e12, MAX_DELAY_SECONDS)])
def test_a_snooze_waits_within_bounds(after: float, wait: float):
    asked = outcome(Snooze("not yet", after=after))
    assert isinstance(asked, Snoozed)
    assert (asked.wait, asked.error.message) == (wait, "not yet")


def test_a_group_of_one_is_what_is_in_it():
    assert isinstance(outcome(ExceptionGroup("tasks", [Snooze(after=1)])), Snoozed)


@pytest.mark.parametrize("kind", [Retry, Snooze, RateLimited])
@pytest.mark.parametrize("after", [float("nan"), float("inf"), 1e300, "5"])
def test_a_wait_that_is_no_length_of_time_is_refused_where_it_is_raised(kind: type, after: Any):
    with pytest.raises(ValueError, match="must be a number of seconds"):
        kind(after=after)


@pytest.mark.parametrize("kind", [Retry, Snooze, RateLimited])
def test_a_wait_may_be_a_length_of_time_as_python_has_it(kind: type):
    assert kind(after=timedelta(minutes=2)).after == 120.0


def test_a_wait_that_a_subclass_breaks_is_an_ordinary_error():
    error = Snooze(after=1)
    error.after = "soon"  # type: ignore[assignment]
    assert isinstance(outcome(error), Erred)


@pytest.mark.parametrize(
    ("limits", "named", "parked"),
    [
        (["openai"], None, "openai"),
        (["customer", "customer=acme"], None, "customer=acme"),
        (["customer", "customer=acme", "openai"], "customer", "customer=acme"),
        (["customer", "customer=acme", "openai"], "customer=acme", "customer=acme"),
        (["customer", "openai"], "openai", "openai"),
    ],
)
def test_the_key_is_parked_where_the_limit_counts_by_keys(limits: list[str], named: str | None, parked: str):
    assert outcome(RateLimited("429", after=30, limit=named), *limits) == Parked(30.0, parked, "429")


@pytest.mark.parametrize(
    ("limits", "named", "told"),
    [
        ([], None, "the job takes of no limit"),
        (["a", "b"], None, r"several limits \(a, b\); name one with limit="),
        (["mail=a.org", "mail=b.org"], "mail", r"several keys \(mail=a.org, mail=b.org\); name one"),
        (["a", "b=1"], "c", "does not take of the limit 'c', but of a, b"),
    ],
)
def test_without_a_limit_to_park_it_is_an_error_that_says_so(limits: list[str], named: str | None, told: str):
    erred = outcome(RateLimited("429", after=30, limit=named), *limits)
    assert isinstance(erred, Erred)
    assert erred.retry_in == 30
    assert erred.error.message.startswith("429: nothing is parked")
    name, fault = parked_name(limits, named)
    assert name is None
    assert re.search(told, fault)


@pytest.mark.parametrize(("stop", "kind"), [(Stop.CANCEL, Cancelled), (Stop.RELEASE, Released)])
def test_a_worker_that_stops_or_a_cancel_wins(stop: Stop, kind: type):
    assert isinstance(outcome(Snooze(after=5), stop=stop), kind)
    assert isinstance(outcome(RateLimited(after=5), "a", stop=stop), kind)
