"""The tests on a cluster run commands of docs/how-to/operate.md; what they name must stand there."""

import re
from pathlib import Path

import pytest
from tests.cluster.operating.handbook import PAGE, commands

CLUSTER = Path(__file__).resolve().parents[2] / "cluster"
NAMED = sorted(
    {
        name
        for module in CLUSTER.rglob("test_*.py")
        for name in re.findall(r'installed\.run\("([^"]+)"\)', module.read_text())
    }
)


def test_the_tests_name_some() -> None:
    assert len(NAMED) >= 10


@pytest.mark.parametrize("name", NAMED)
def test_commands_that_tests_run_are_in_the_page(name: str) -> None:
    assert "kubectl -n corral " in commands(PAGE.read_text(), name)


@pytest.mark.parametrize("name", ["Nowhere", "How large", "Certificates", "Secret is lost"])
def test_what_has_no_commands_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(AssertionError, match=r"operate\.md has (nothing|no commands)"):
        commands(PAGE.read_text(), name)
