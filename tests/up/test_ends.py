"""How `corral up` ends: killed, given up, in a hurry; and what the next one finds."""

import signal

import pytest
from tests.fixtures.local_system import alive
from tests.fixtures.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_the_same_data_serve_again_also_after_kill_9(start):
    first = start("--workers", "1").ready()
    with first.client() as client:
        kept = client.submit("demo.echo", "kept", wait=60)
        key = client.connection.key
    left = first.processes()
    first.process.kill()
    first.process.wait()
    second = start("--workers", "1").ready()
    assert alive({pid: process for pid, process in left.items() if pid not in second.processes()}) == []
    with second.client() as client:
        assert client.connection.key == key
        assert client.job(kept["id"])["result"] == "kept"
        assert client.submit("demo.echo", 1, wait=60)["state"] == "completed"
    assert second.stop(signal.SIGTERM) == 0


BROKEN = "import os, sys\nif 'corral_worker.main' in sys.modules:\n    print('out of luck', flush=True)\n    os._exit(3)\n"
AT_ONCE = """
import os, sys
if sys.orig_argv[1:] == ["-m", "corral_worker"]:
    with open("deaths", "a") as deaths:
        deaths.write("x")
        if deaths.tell() < 5:
            os._exit(2)
"""


def test_what_keeps_dying_stops_everything_with_its_log(start, folder, postgres_url, redis_url):
    """On servers of our own, which stay as they are. Only the fifth to die has loaded anything: five are within a minute."""
    (folder / "broken.py").write_text(BROKEN)
    site = folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(AT_ONCE)
    servers = {"CORRAL_DATABASE_URL": postgres_url, "CORRAL_REDIS_URL": redis_url}
    up = start("--workers", "1", CORRAL_HANDLERS="broken", PYTHONPATH=str(site), **servers)
    assert up.process.wait(240) == 1
    eventually(lambda: "up-1 ended with exit code 2 five times in a minute" in up.output)
    end = up.output.rpartition("out of luck")[2]
    assert "module broken can't be imported: SystemExit: os._exit(3)" in end
    assert f"{folder}/broken.py:4, in <module>" in end
    assert "using your servers" in up.output
    assert not (folder / ".corral" / "postgres").exists()
    assert up.processes() == {}


def test_a_second_ctrl_c_ends_the_patience(start):
    up = start("--workers", "1", CORRAL_GRACE="300").ready()
    with up.client() as client:
        job = client.submit("demo.sleep", {"seconds": 200})
        eventually(lambda: client.job(job["id"])["state"] == "running")
    left = up.processes()
    up.process.send_signal(signal.SIGINT)
    up.wait_for("jobs may finish within 300 s")
    assert up.process.poll() is None
    assert up.stop(timeout=60) == 0
    eventually(lambda: alive(left) == [])  # the publisher's processes end when they miss their parent
