"""A data folder: one owner, no strangers' files, no leftovers, secrets for its owner's eyes."""

import json
import os
import stat
import subprocess
import sys
import time

import psutil
import pytest

from corral_local.errors import SystemInUse, UnusableData
from corral_local.home import Home


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def _recorded(home: Home, pid: int, started: float) -> None:
    processes = [{"name": "up-1", "pid": pid, "started": started}]
    (home.folder / "up.json").write_text(json.dumps({"pid": 1, "url": "http://x", "processes": processes}))


def test_a_folder_has_one_owner_at_a_time(tmp_path):
    first, second = Home(tmp_path / "data"), Home(tmp_path / "data")
    first.hold()
    first.record("http://127.0.0.1:8000", [])
    with pytest.raises(SystemInUse, match=rf"process {os.getpid()}, at http://127\.0\.0\.1:8000"):
        second.hold()
    first.release()
    second.hold()
    second.release()


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UnusableData, match=r"it holds other things \(thesis\.tex\)"):
        Home(tmp_path).hold()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(UnusableData, match="it is a file"):
        Home(tmp_path / "thesis.tex").hold()


def test_what_benchmarks_leave_is_no_stranger(tmp_path):
    (tmp_path / "bench.json").write_text("{}")
    home = Home(tmp_path)
    home.hold()
    home.release()


def test_a_process_of_a_killed_run_is_ended(tmp_path, sleeper):
    home = Home(tmp_path)
    home.hold()
    _recorded(home, sleeper.pid, psutil.Process(sleeper.pid).create_time())
    began = time.monotonic()
    assert home.end_leftovers() == ["up-1"]
    assert sleeper.poll() is not None
    assert time.monotonic() - began < 20
    home.release()


def test_a_stranger_with_the_same_number_lives_on(tmp_path, sleeper):
    home = Home(tmp_path)
    home.hold()
    _recorded(home, sleeper.pid, psutil.Process(sleeper.pid).create_time() - 100)
    assert home.end_leftovers() == []
    assert sleeper.poll() is None
    home.release()


def test_a_torn_record_is_no_record(tmp_path):
    home = Home(tmp_path)
    home.hold()
    (home.folder / "up.json").write_text('{"processes": [')
    assert home.end_leftovers() == []
    home.release()


def test_secrets_are_for_the_owner_alone(tmp_path):
    home = Home(tmp_path)
    home.hold()
    home.write_client("http://127.0.0.1:8000", 'corral_"quoted"')
    home.write_services({"CORRAL_REDIS_URL": "redis://:pw@h/0"})
    assert home.client() == {"url": "http://127.0.0.1:8000", "key": 'corral_"quoted"'}
    for file in (home.client_file, home.services_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    home.release()


def test_only_the_newest_logs_of_workers_are_kept(tmp_path):
    home = Home(tmp_path)
    home.hold()
    for number in range(30):
        log = home.logs / f"up-{number}.log"
        log.write_text("")
        os.utime(log, (number, number))
    (home.logs / "publisher.log").write_text("")
    home.prune_logs()
    assert {path.name for path in home.logs.iterdir()} == {
        "publisher.log",
        *(f"up-{n}.log" for n in range(10, 30)),
    }
    home.release()
