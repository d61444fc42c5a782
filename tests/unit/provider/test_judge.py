"""The receiver judges exactly, or all that is measured at it means nothing."""

from corral_local.stand_in.judge import Allowance, Judge


def test_a_second_is_any_second_and_ends_before_it_begins_again():
    judge = Judge(Allowance(per_second=2))
    assert [judge.arrives(at) for at in (0.0, 0.9, 0.95, 1.0, 1.89, 1.91, 5.0)] == [
        *(None, None, "per_second"),  # 0.0, 0.9 and 0.95
        *("per_second", "per_second"),  # 0.9, 0.95 and 1.0; 0.95, 1.0 and 1.89
        *("per_second", None),  # 1.0, 1.89 and 1.91
    ]
    assert judge.violations == {"per_second": 4}
    assert (judge.most_per_second, judge.most_in_ten_seconds) == (4, 7)


def test_who_is_under_way_takes_a_slot_until_it_leaves():
    judge = Judge(Allowance(slots=1))
    assert judge.arrives(0) is None
    assert judge.arrives(1) == "slots"
    judge.leaves()
    judge.leaves()
    assert judge.arrives(2) is None
    assert judge.most_under_way == 2


def test_a_day_is_any_day():
    judge = Judge(Allowance(per_day=2))
    hours = [0, 10, 23.9, 24.1, 60]
    assert [judge.arrives(3600 * hour) for hour in hours] == [None, None, "per_day", "per_day", None]
