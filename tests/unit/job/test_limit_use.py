"""What a job takes of limits: names, groups, costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.job.limit_use import LimitUse, group_of, parsed, uses_of
from corral.job.priority import Priority

LIMITS = st.text("abc-.", min_size=1, max_size=5)
KEYS = st.text(max_size=5)
USES = st.builds(LimitUse, LIMITS, KEYS, st.floats(0.1, 10))


@given(limit=LIMITS, key=KEYS)
def test_a_name_can_be_parsed_into_its_limit_and_key(limit: str, key: str) -> None:
    assert parsed(LimitUse(limit, key).name) == (limit, key)


@given(uses=st.lists(USES, max_size=5))
def test_the_order_in_which_limits_are_named_changes_nothing(uses: list[LimitUse]) -> None:
    one = uses_of("q", Priority.NORMAL, uses)
    other = uses_of("q", Priority.NORMAL, reversed(uses))
    if one is None or other is None:
        assert not uses
        return
    assert (one.group, one.names) == (other.group, other.names)
    assert one.costs == pytest.approx(other.costs)
    assert list(one.names) == sorted(set(one.names))


def test_what_takes_of_the_same_keys_is_one_group() -> None:
    acme, other = LimitUse("customer", "acme"), LimitUse("customer", "other")
    group = group_of("q", Priority.NORMAL, [acme.name])
    assert group == group_of("q", Priority.NORMAL, [LimitUse("customer", "acme", cost=7).name])
    others = {
        group_of("p", Priority.NORMAL, [acme.name]),
        group_of("q", Priority.HIGH, [acme.name]),
        group_of("q", Priority.NORMAL, [other.name]),
        group_of("q", Priority.NORMAL, [acme.name, other.name]),
        group_of("q", Priority.NORMAL, [acme.limit, acme.key]),
    }
    assert len(others) == 5
    assert group not in others


@pytest.mark.parametrize("cost", [0, -1, float("inf"), float("nan")])
def test_a_cost_that_is_no_number_above_zero_is_refused(cost: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        LimitUse("openai", cost=cost)


@pytest.mark.parametrize("name", ["", "open=ai"])
def test_a_limit_without_a_name_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a limit"):
        LimitUse(name)
