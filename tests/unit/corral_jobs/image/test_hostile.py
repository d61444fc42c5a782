"""Every odd and hostile picture has its answer, and none takes the memory or the time of others."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from tests.fixtures import programs
from tests.unit.corral_jobs.image.hostile import CASES, Case

from corral_jobs.image.declaration import MEMORY_MIB


@pytest.fixture(scope="module")
def run() -> Any:
    """What a process of its own made of them all: its peak of memory is theirs."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.corral_jobs.image.process_all"],
        cwd=programs.ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_has_its_answer(run: Any, case: Case):
    assert re.search(case.answer, run["answers"][case.name])


def test_there_are_forty_and_each_has_a_name_of_its_own():
    assert len({case.name for case in CASES}) == len(CASES) >= 40


def test_no_refusal_speaks_of_the_library_alone(run: Any):
    assert not [one for one in run["answers"].values() if "unable to call" in one or "bad seek" in one]


def test_nothing_that_was_hidden_in_a_picture_is_in_what_was_made_of_it(run: Any):
    assert run["clean"]


def test_all_of_them_stay_within_the_memory_of_one_attempt(run: Any):
    assert run["peak"] < MEMORY_MIB / 2, "measured: 105 MiB"
