import subprocess
import sys

import pytest
from watchfiles import Change

from corral.reload_filter import Imported


@pytest.fixture
def child():
    """A process of ours that lives, as the service of a reloader does."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_a_module_counts_once_it_was_imported(tmp_path, child):
    module = tmp_path / "handlers.py"
    module.write_text("")
    assert not Imported()(Change.modified, str(module))
    subprocess.run([sys.executable, "-c", "import handlers"], cwd=tmp_path, env={}, check=True)
    assert Imported()(Change.modified, str(module))


def test_files_of_other_kinds_count_and_bytecode_does_not(tmp_path, child):
    assert Imported()(Change.modified, str(tmp_path / "page.html"))
    assert not Imported()(Change.added, str(tmp_path / "__pycache__" / "handlers.cpython-311.pyc"))


ENDED = """
import os, subprocess, sys
from watchfiles import Change
from corral.reload_filter import Imported
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
counted = [Imported()(Change.modified, sys.argv[1])]
child.stdin.close()
os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
counted.append(Imported()(Change.modified, sys.argv[1]))
print(counted)
"""


@pytest.mark.needs("Linux", sys.platform == "linux", "it is for containers")
def test_every_change_counts_once_the_process_has_ended(tmp_path):
    module = tmp_path / "handlers.py"
    module.write_text("def broken(:")
    told = subprocess.run([sys.executable, "-c", ENDED, module], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[False, True]"
