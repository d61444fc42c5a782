"""How often a process may die, and how its end is told."""

from hypothesis import given
from hypothesis import strategies as st

from corral_local.processes.supervisor import DEATHS_WINDOW_SECONDS, MAX_DEATHS, Restarts, ending


def test_the_waits_double_and_the_fifth_death_within_a_minute_is_too_many():
    restarts = Restarts()
    assert [restarts.died(float(second)) for second in range(5)] == [0.5, 1.0, 2.0, 4.0, None]
    assert restarts.total == 5


def test_deaths_of_long_ago_count_for_the_total_only():
    restarts = Restarts()
    assert [restarts.died(second * DEATHS_WINDOW_SECONDS) for second in range(20)] == [0.5] * 20
    assert restarts.total == 20
    assert restarts.recent(19 * DEATHS_WINDOW_SECONDS) == 1


@given(st.lists(st.floats(0, 40), min_size=1, max_size=60))
def test_it_gives_up_exactly_when_the_last_minute_saw_five(gaps):
    restarts, now, deaths = Restarts(), 0.0, []
    for gap in gaps:
        now += gap
        deaths.append(now)
        recent = sum(death > now - DEATHS_WINDOW_SECONDS for death in deaths)
        assert (restarts.died(now) is None) == (recent >= MAX_DEATHS)


def test_an_exit_code_is_told_in_words():
    assert ending(137) == "was ended by SIGKILL"
    assert ending(3) == "ended with exit code 3"
    assert ending(255) == "ended with exit code 255"
    assert ending(None) == "is gone"
