"""The liveness probe of the chart's Postgres, when the kubelet kills it because it takes too long."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FIRST_PROCESS = """
import ctypes, os, signal, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans come to us, as to a container's first process
reading, writing = os.pipe()
shell = subprocess.Popen(sys.argv[1:], pass_fds=[writing], env={"PATH": os.environ["PATH"], "TOLD": str(writing)})
os.close(writing)
os.read(reading, 1)  # it asks now
shell.kill()
shell.wait()
for _ in range(10):
    try:
        _, status = os.wait()
    except ChildProcessError:
        break
    print(os.waitstatus_to_exitcode(status))
"""
ASKS = """#!/bin/sh
# No answer from Postgres, and more time than the probe has.
printf x >/proc/self/fd/$TOLD
sleep 0.5
exit 2
"""


def probe() -> list[str]:
    """The command."""
    for thing in yaml.safe_load_all((ROOT / "k8s" / "corral.yaml").read_text()):
        if thing and (thing["kind"], thing["metadata"]["name"]) == ("StatefulSet", "corral-postgres"):
            (container,) = thing["spec"]["template"]["spec"]["containers"]
            command: list[str] = container["livenessProbe"]["exec"]["command"]
            return command
    raise AssertionError("no Postgres")


@pytest.mark.needs("Linux", sys.platform == "linux", "it gives orphans to whom one says")
def test_what_a_killed_probe_leaves_behind_is_no_crash_to_postgres(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = tmp_path / "pg_isready"
    stand_in.write_text(ASKS)
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    done = subprocess.run(
        [sys.executable, "-c", FIRST_PROCESS, *probe()],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    codes = [int(line) for line in done.stdout.split()]
    assert codes, "nothing was left behind: the probe was not killed while it asked"
    assert all(code in {0, 1} for code in codes), f"Postgres would restart for {codes}"
