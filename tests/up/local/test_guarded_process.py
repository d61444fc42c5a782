"""The guard: a program under it ends when told, or when its parent is gone."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.fixtures.waiting import START, eventually

from corral_local.processes.guarded_process import GuardedProcess

STUBBORN = "import signal,time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
POLITE = "import signal,sys; print('up', flush=True); signal.sigwait([signal.SIGINT]); sys.exit(3)"
BLOCKED = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]); {POLITE}"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output"


@pytest.fixture
def log(output: Path) -> Iterator[int]:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    yield descriptor
    os.close(descriptor)


def test_the_program_gets_its_own_signal_and_its_exit_code_is_seen(log: int, output: Path) -> None:
    run = _run(BLOCKED, log)
    eventually(lambda: output.read_text() == "up\n")
    run.stop(START)
    assert run.exit_code == 3


def test_a_program_that_will_not_stop_is_killed(log: int, output: Path) -> None:
    run = _run(STUBBORN, log)
    eventually(lambda: output.read_text() == "up\n")
    run.stop(0.1)
    assert run.exit_code == 128 + signal.SIGKILL


def test_a_program_that_cannot_run_says_so(log: int, output: Path) -> None:
    run = GuardedProcess(["/no/such/program"], account=None, farewell=signal.SIGINT, log=log)
    assert run.wait(START) == 127
    assert "cannot run /no/such/program: " in output.read_text()


def test_what_a_program_is_given_it_reads(log: int, output: Path) -> None:
    command = [sys.executable, "-c", "import sys; print(sys.stdin.read().upper(), end='')"]
    run = GuardedProcess(command, account=None, farewell=signal.SIGINT, log=log, given=b"hello" * 20_000)
    assert run.wait(START) == 0
    assert output.read_text() == "HELLO" * 20_000


def test_what_a_program_is_handed_it_holds_alone_beside_us(log: int, output: Path) -> None:
    reading, writing = os.pipe()
    script = "import os, sys, signal; os.close(int(sys.argv[1])); print('up', flush=True); signal.pause()"
    command = [sys.executable, "-c", script, str(writing)]
    run = GuardedProcess(command, account=None, farewell=signal.SIGINT, log=log, handed=[writing])
    try:
        eventually(lambda: output.read_text() == "up\n")
        os.close(writing)
        os.set_blocking(reading, False)
        assert eventually(
            lambda: os.read(reading, 1) == b"", ignoring=(BlockingIOError,)
        )  # its guard holds none
    finally:
        run.stop(0)
        os.close(reading)


def test_secrets_in_the_environment_are_not_passed_on(
    log: int, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORRAL_SECRET_KEY", "s3cret")
    run = _run("import os; print(dict(os.environ))", log)
    assert run.wait(START) == 0
    assert "s3cret" not in output.read_text()
    assert "PATH" in output.read_text()


def test_the_program_of_a_killed_guard_ends_with_it(log: int, output: Path) -> None:
    run = _run(BLOCKED, log)
    eventually(lambda: output.read_text() == "up\n")
    guard = run._process.pid
    program = psutil.Process(guard).children()[0]
    os.kill(guard, signal.SIGKILL)
    eventually(lambda: not program.is_running())
    assert run.wait(START) == -signal.SIGKILL


def test_a_parent_that_is_gone_before_the_guard_looks_is_noticed(log: int, output: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from corral_local.processes.guarded_process import GuardedProcess\n"
        f"GuardedProcess([sys.executable, '-c', {BLOCKED!r}], account=None, farewell=signal.SIGINT, log=1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    # The guard's own group keeps the pipe open until the program has ended.
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, timeout=START, check=False)
    assert done.returncode == -signal.SIGKILL


def _run(script: str, log: int) -> GuardedProcess:
    return GuardedProcess([sys.executable, "-c", script], account=None, farewell=signal.SIGINT, log=log)
