"""The mix of a load test: in every stretch as in the whole, and the same for the same seed."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from corral.job.load_mix import dealt

SHARES = st.dictionaries(st.sampled_from("abcde"), st.integers(0, 20), min_size=1).filter(
    lambda shares: sum(shares.values()) > 0
)
SEEDS = st.integers(-(10**6), 10**6)


@given(SHARES, SEEDS, st.integers(0, 3))
def test_every_stretch_as_long_as_the_shares_together_is_mixed_as_the_whole(shares, seed, rounds):
    total = sum(shares.values())
    names = list(dealt(shares, rounds * total, seed))
    for begin in range(0, len(names), total):
        assert Counter(names[begin : begin + total]) == Counter(shares)


@given(SHARES, SEEDS, st.integers(0, 50))
def test_the_same_seed_gives_the_same_order(shares, seed, count):
    names = list(dealt(shares, count, seed))
    assert names == list(dealt(shares, count, seed))
    assert len(names) == count


def test_another_seed_begins_elsewhere():
    shares = {"a": 3, "b": 1}
    assert {tuple(dealt(shares, 4, seed)) for seed in range(4)} != {tuple(dealt(shares, 4))}
