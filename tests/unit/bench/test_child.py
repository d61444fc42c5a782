"""A benchmark leaves no process behind."""

import os
import sys

import psutil
import pytest
from bench.measuring.child import Child, Command, started
from tests.fixtures.waiting import eventually

SPAWN = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
{then}
"""


def printed(child):
    eventually(lambda: child.log.read_text().endswith("\n"))
    return int(child.log.read_text())


def test_stopping_a_process_stops_its_children(tmp_path):
    command = Command([sys.executable, "-c", SPAWN.format(then="time.sleep(60)")])
    with Child(command, tmp_path / "log") as child:
        grandchild = printed(child)
        assert psutil.pid_exists(grandchild)
    assert not psutil.pid_exists(child.pid)
    assert not running(grandchild)


def test_children_of_a_process_that_had_ended_are_stopped_too(tmp_path):
    with Child(Command([sys.executable, "-c", SPAWN.format(then="")]), tmp_path / "log") as child:
        grandchild = printed(child)
        child.process.wait(10)
        assert running(grandchild)
    eventually(lambda: not running(grandchild))


def test_a_process_that_ended_is_reported_with_its_last_words():
    command = Command([sys.executable, "-c", "raise SystemExit('no such thing')"])
    with started({"it": command}) as children:
        children["it"].process.wait(10)
        with pytest.raises(RuntimeError, match="no such thing"):
            children["it"].check()


def test_a_command_sees_its_own_settings_before_those_of_the_caller(monkeypatch):
    monkeypatch.setenv("DSN", "theirs")
    assert Command([], {"DSN": "ours"}).environment()["DSN"] == "ours"
    assert Command([]).environment()["PATH"] == os.environ["PATH"]


def running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
