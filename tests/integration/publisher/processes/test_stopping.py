"""The publisher is told to stop before it serves, and is started where nothing can be written."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tests.fixtures.local_system import own_port
from tests.fixtures.waiting import START, eventually

from corral_publisher.__main__ import main

TOLD_WHILE_THE_APPLICATION_IS_MADE = """
import os, signal, sys
from corral.settings import Settings
from corral_publisher.app import create_app
from corral_publisher.processes.server import Publisher

def make(settings):
    os.kill(os.getppid(), signal.SIGTERM)
    signal.pause()  # until gunicorn hands the signal on
    return create_app(settings)

nowhere = Settings(database_url="postgresql://127.0.0.1:1/x", redis_url="redis://127.0.0.1:1/0",
                   host="127.0.0.1", port=int(sys.argv[1]), web_workers=2, grace=600)
Publisher(nowhere, make).run()
"""


def test_a_publisher_that_is_told_to_stop_while_it_starts_does_not_wait_out_its_grace():
    done = subprocess.run(
        [sys.executable, "-c", TOLD_WHILE_THE_APPLICATION_IS_MADE, str(own_port())],
        capture_output=True,
        text=True,
        timeout=START,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_publisher_that_is_told_to_stop_before_it_is_imported_leaves_no_folder(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-m", "corral_publisher"], env=os.environ | {"TMPDIR": str(tmp_path)}
    )
    try:
        eventually(lambda: list(tmp_path.iterdir()), timeout=START)
        process.terminate()
        assert process.wait(START) == 0
        assert list(tmp_path.iterdir()) == []
    finally:
        process.kill()
        process.wait()


def test_where_nothing_can_be_written_it_says_so_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    assert main([]) == 2
    said = capsys.readouterr().err
    assert said.startswith("corral: no temporary folder can be made: ")
    assert "--tmpfs /tmp" in said
    assert "emptyDir" in said
