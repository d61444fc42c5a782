"""`make demo`, step by step: the short ones. All of them together are `make demo`."""

import subprocess
import sys
from pathlib import Path

import pytest
from demo.account import Account, promises
from demo.steps import STEPS

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def performed(step: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo", step],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=390,
        check=False,
    )


IN_CI = ["reports"]


@pytest.mark.parametrize(
    "step", [*IN_CI, *(pytest.param(one, marks=pytest.mark.more) for one in ("operate", "notify", "feeds"))]
)
def test_a_step_shows_its_promises_and_leaves_nothing_running(step: str):
    done = performed(step)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DOES NOT HOLD" not in done.stdout
    assert " 0 not, in " in done.stdout
    assert "0 processes left" in done.stdout


def test_every_step_is_there_and_names_systems_that_made_promises():
    systems = {one.partition("-")[0] for one in promises()}
    for name, of in STEPS.items():
        assert (ROOT / "demo" / "steps" / f"{name}.py").is_file()
        assert set(of) <= systems


def test_what_does_not_hold_is_told_and_counts_against_its_promise(capsys: pytest.CaptureFixture[str]):
    account = Account()
    account.show("001-02 001-03", "waits", "2.0 s")
    account.show("001-02", "waits", "9.0 s", holds=False)
    assert (account.shown, account.broken) == ({"001-03"}, {"001-02"})
    assert "DOES NOT HOLD" in capsys.readouterr().out
    with pytest.raises(KeyError):
        account.show("009-99", "no promise", "")
