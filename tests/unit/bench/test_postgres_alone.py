"""The peer that runs Corral's statements alone gives each what it names: else a run of the bench ends with nothing."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from bench.peers.postgres_alone import claim, success

from corral.ids import new_id
from corral.store.attempts.claims import CLAIM
from corral.store.attempts.endings import SUCCEED


@pytest.mark.parametrize(
    ("statement", "given"),
    [(CLAIM, claim(new_id(), [new_id()])), (SUCCEED, success(new_id(), []))],
    ids=["claim", "success"],
)
def test_it_gives_a_statement_what_it_names(statement: str, given: Mapping[str, Any]) -> None:
    assert set(re.findall(r"%\((\w+)\)s", statement)) == given.keys()
