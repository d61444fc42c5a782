"""What the peer without limits leaves out is there to be left out."""

import pytest
from bench.peers.without_limits import claim_statements, pop_script, without


def test_nothing_of_limits_is_left_in_what_the_peer_runs():
    for name, statement in claim_statements().items():
        assert "limit" not in statement, name
    assert "KEY.ring, asked" not in pop_script()


def test_a_part_that_is_not_there_is_named():
    with pytest.raises(RuntimeError, match="'jobs' is not in"):
        without("SELECT 1", {"jobs": ""})
