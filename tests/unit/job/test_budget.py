"""What a budget begins with after a wipe is never more than what was left, whatever was taken since the note."""

from hypothesis import given
from hypothesis import strategies as st

from corral.job.budget import BudgetNote, BudgetState, BudgetTerms, deadline_of

AGES = st.lists(st.floats(0, 200), max_size=10).map(sorted)


@given(ages=AGES, age=st.floats(0, 100), later=st.lists(st.floats(0, 1), max_size=5))
def test_an_exact_window_counts_at_least_what_was_taken(
    ages: list[float], age: float, later: list[float]
) -> None:
    terms = BudgetTerms(rate=20, per=95, deadline=5, burst=2)
    note = BudgetNote(
        "v", BudgetState(tuple(one + age for one in ages), (1.0,) * len(ages)), age, reserved=5.0
    )
    restored = note.restored(terms)
    since = [share * age for share in later]
    real = sum(one + age < terms.window for one in ages) + sum(one < terms.window for one in since)
    assert sum(restored.amounts) >= real
    assert max(restored.ages) < terms.window
    assert min(restored.ages) == 0, "what may have been taken since counts from now on"


@given(
    left=st.floats(-50, 100),
    age=st.floats(0, 500),
    takes=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 10)), max_size=5),
)
def test_a_bucket_has_no_more_than_was_left(
    left: float, age: float, takes: list[tuple[float, float]]
) -> None:
    terms = BudgetTerms(rate=5000, per=995, deadline=5, burst=100)
    refill = (terms.rate - terms.burst) / terms.window
    tokens, at, taken = left, 0.0, 0.0
    for share, amount in sorted(takes):
        tokens = min(terms.burst, tokens + (share * age - at) * refill)
        at = share * age
        if amount <= tokens:
            tokens, taken = tokens - amount, taken + amount
    tokens = min(terms.burst, tokens + (age - at) * refill)
    note = BudgetNote("v", BudgetState(tokens=left), age, reserved=taken)
    assert (note.restored(terms).tokens or 0.0) <= tokens + 1e-6


def test_a_rate_that_changed_its_kind_begins_as_if_all_was_taken() -> None:
    exact, bucket = BudgetTerms(100, 60, 3, 10), BudgetTerms(10_000, 60, 3, 1000)
    assert BudgetNote("v", BudgetState(tokens=5.0), 1.0, 10.0).restored(exact).amounts == (100,)
    assert BudgetNote("v", BudgetState((1.0,), (5.0,)), 1.0, 10.0).restored(bucket).tokens == 0.0


def test_at_least_95_percent_of_the_budget_are_used_where_the_deadline_is_a_twentieth() -> None:
    for per in (1.0, 60.0, 86_400.0):
        terms = BudgetTerms(100, per, deadline_of(per), 10)
        assert per / terms.window >= 0.95
        assert deadline_of(per) <= 5
