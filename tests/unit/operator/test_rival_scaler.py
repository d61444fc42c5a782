"""Telling a fight from a person's one change."""

from corral_operator.rival_scaler import RIVAL_CHANGES, RIVAL_PAUSE_SECONDS, RIVAL_WINDOW_SECONDS, RivalScaler


def fight(rivalry: RivalScaler, times: int, every: float, start: float = 0.0) -> str | None:
    """Corral sets 5, somebody sets it back to 2."""
    answer = None
    for n in range(times):
        rivalry.wrote(5)
        answer = rivalry.found(2, start + n * every)
    return answer


def test_a_person_may_change_the_number():
    rivalry = RivalScaler()
    assert rivalry.found(3, 0) is None
    assert fight(rivalry, RIVAL_CHANGES - 1, 15) is None


def test_what_is_set_back_again_and_again_has_a_rival():
    told = fight(RivalScaler(), RIVAL_CHANGES, 15)
    assert "5 to 2, 5 to 2, 5 to 2" in told


def test_seldom_changes_are_no_fight():
    assert fight(RivalScaler(), 10, RIVAL_WINDOW_SECONDS) is None


def test_after_the_truce_it_is_tried_again():
    rivalry = RivalScaler()
    fight(rivalry, RIVAL_CHANGES, 15)
    began = (RIVAL_CHANGES - 1) * 15
    assert rivalry.found(4, began + RIVAL_PAUSE_SECONDS - 1), "the rival may do as it likes"
    assert rivalry.found(4, began + RIVAL_PAUSE_SECONDS) is None


def test_a_number_that_stays_is_no_change():
    rivalry = RivalScaler()
    assert not any(rivalry.found(3, now) for now in range(1000))


def test_what_may_have_been_set_by_corral_itself_is_no_fight():
    rivalry = RivalScaler()
    for second in range(0, 60, 15):
        rivalry.wrote(5)
        rivalry.unsure()
        assert rivalry.found(2, second) is None
