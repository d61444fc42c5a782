"""A service is replaced by one that serves, and by no other."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.fixtures.waiting import eventually_async

from corral_local.processes.processes import ProgramProcess
from corral_local.processes.service import Service
from corral_local.processes.supervisor import Supervisor

SERVES = "import os, sys, time; [os.write(int(sys.argv[1]), b'.') for _ in 'ab']; time.sleep(600)"
WAITS = "import os, sys; g = sys.argv[2]; g and os.read(int(g), 1); exec(open('code.py').read())"
BREAKS = "raise SystemExit('nothing here')"


def names(supervisor: Supervisor) -> list[str]:
    """What is kept: what serves, and the spare behind it."""
    return sorted(kept.name for kept in supervisor.kept)


@pytest.fixture
async def said() -> list[str]:
    return []


@pytest.fixture
async def supervisor(said: list[str]) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(said.append, lambda: None)
    yield supervisor
    for kept in supervisor.kept:
        await supervisor.let_go(kept, 0)


@pytest.fixture
async def service(tmp_path: Path, supervisor: Supervisor, said: list[str]) -> AsyncIterator[Service]:
    """A service whose code is the file `code.py`."""
    (tmp_path / "code.py").write_text(SERVES)

    def make(name: str, ready: int, gate: int | None) -> ProgramProcess:
        return ProgramProcess(
            name,
            [sys.executable, "-I", "-S", "-c", WAITS, str(ready), str(gate or "")],
            environment=dict(os.environ),
            folder=tmp_path,
            log=tmp_path / "service.log",
            handed=[one for one in (ready, gate) if one is not None],
        )

    made = Service("thing", make, supervisor, said.append, processes=2, grace=5, spare=True)
    await made.start()
    assert await made._run.readiness.heard(2, 30, lambda: made._run.program.running)
    yield made
    await made.left()
    for kept in supervisor.kept:
        await supervisor.let_go(kept, 0)
    made.close()


async def test_the_successor_serves_before_the_old_run_ends(
    service: Service, supervisor: Supervisor, said: list[str]
) -> None:
    [old] = supervisor.kept
    await service.replace()
    assert said == ["the thing runs the changed code"]
    await eventually_async(lambda: not old.running and names(supervisor) == ["thing (2)", "thing (3)"])
    assert all(kept.running for kept in supervisor.kept)


async def test_a_successor_that_does_not_serve_changes_nothing(
    service: Service, supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    (tmp_path / "code.py").write_text(BREAKS)
    await service.replace()
    [line] = said
    assert line.startswith("the changed code of the thing does not start (ended with exit code 1)")
    assert "nothing here" in line
    assert names(supervisor) == ["thing", "thing (3)"]
    assert all(kept.running for kept in supervisor.kept)


async def test_a_successor_that_dies_later_is_started_again(
    service: Service, supervisor: Supervisor, said: list[str]
) -> None:
    await service.replace()
    await eventually_async(lambda: names(supervisor) == ["thing (2)", "thing (3)"])
    supervisor.kept[0].kill()
    await eventually_async(lambda: "thing (2) is back (restart 1)" in said)


async def test_a_spare_waits_and_runs_the_code_as_it_is_when_it_is_sent_off(
    service: Service, supervisor: Supervisor, tmp_path: Path
) -> None:
    await service.prepare()
    new = tmp_path / "new"
    (tmp_path / "code.py").write_text(f"open({str(new)!r}, 'w').close()\n{SERVES}")
    assert not new.exists()
    await service.replace()
    assert new.exists()
    await eventually_async(lambda: names(supervisor) == ["thing (2)", "thing (3)"])


async def test_a_spare_that_died_is_no_loss(
    service: Service, supervisor: Supervisor, said: list[str]
) -> None:
    await service.prepare()
    [spare] = [kept for kept in supervisor.kept if kept.name == "thing (2)"]
    spare.kill()
    await eventually_async(lambda: not spare.running)
    await service.replace()
    assert said == ["the thing runs the changed code"]
