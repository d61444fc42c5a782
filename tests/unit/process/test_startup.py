"""A command in the surroundings that people start it in: closed and broken streams, odd locales, no working folder."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

CORRAL = f'"{sys.executable}" -m corral.cli'
TINY = (
    "from corral.process.startup import prepare, take_over_output as t; prepare(); t(); import sys\n"
    "print(sys.stdin.read(), 'zoë' * 40_000); sys.stdout.flush(); print('end', file=sys.stderr)"
)
"""Prepares itself as the command does, and starts twenty times as fast."""
CONFIG = {"CORRAL_DATABASE_URL": "postgresql://h/x", "CORRAL_REDIS_URL": "redis://h"}


def shell(line: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash; `corral` is ours."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CORRAL_", "PYTHON"))}
    line = line.replace("corral ", f"{CORRAL} ").replace("tiny", f'"{sys.executable}" -c "$TINY"')
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=folder, env=clean | CONFIG | {"TINY": TINY} | env, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("tiny >&-", 0, "end\n"),
        ("tiny <&- >/dev/null", 0, "end\n"),
        ("tiny 2>&- >&- <&-", 0, ""),
        ("tiny | head -c 9 >/dev/null", 0, ""),  # nothing is left to do, once nobody reads
        ("(tiny 2>&1 >/dev/null; echo $? >code) | true; exit $(cat code)", 0, ""),
        ("PYTHONIOENCODING=ascii tiny >/dev/null", 0, "end\n"),
        (
            "corral config >/dev/full",
            1,
            "corral: standard output can't be written: No space left on device\n",
        ),
        (
            "mkdir gone && cd gone && rmdir ../gone && tiny",
            2,
            "corral: the working folder can't be found: No such file or directory; change into one that exists (cd)\n",
        ),
    ],
)
def test_a_command_ends_quietly_or_says_why(line, code, said, tmp_path):
    done = shell(line, tmp_path)
    assert (done.returncode, done.stderr) == (code, said)


@pytest.mark.parametrize(
    "env",
    [
        {
            "PYTHONIOENCODING": "ascii", "COLUMNS": "1", "NO_COLOR": "1", "TERM": "dumb", "PYTHONWARNINGS": "error",
            "PYTHONOPTIMIZE": "2", "PYTHONSAFEPATH": "1", "PROMETHEUS_MULTIPROC_DIR": "/nowhere",
            "RQ_KEY_PREFIX": "%s", "TMPDIR": "/nowhere", "HOME": "",
        },
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "COLUMNS": "wide", "FORCE_COLOR": "1"},
    ],
)  # fmt: skip
def test_what_is_printed_is_whole_whatever_the_locale_and_the_terminal(env, tmp_path):
    done = shell("corral config --json", tmp_path, CORRAL_JOBS="zoë,日本", **env)
    assert (done.returncode, done.stderr) == (0, "")
    assert {one["name"]: one["value"] for one in json.loads(done.stdout)}["CORRAL_JOBS"] == "zoë,日本"


AS_ANYBODY = """
import os
from corral.process.startup import prepare
if os.geteuid() == 0:
    os.setuid(65534)
prepare()
print(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
"""


@pytest.mark.parametrize(
    ("given", "kept"), [(None, None), ("", ""), ("/nowhere", None), ("{folder}", "{folder}")]
)
def test_a_user_without_rights_starts_and_keeps_a_folder_of_metrics_that_can_be_written(given, kept):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        env = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
        if given is not None:
            env["PROMETHEUS_MULTIPROC_DIR"] = given.format(folder=folder)
        done = subprocess.run(
            [sys.executable, "-c", AS_ANYBODY], env=env, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{kept and kept.format(folder=folder)}\n"


def test_arguments_are_text_where_the_locale_is_ascii(tmp_path):
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "CORRAL_URL": "http://127.0.0.1:1"}
    done = shell("corral queues pause zoë", tmp_path, **env)
    assert "http://127.0.0.1:1 (from environment) does not answer" in done.stderr
    done = shell("corral queues pause $'\\xff'", tmp_path, CORRAL_URL="http://127.0.0.1:1")
    assert (done.returncode, done.stderr) == (
        2,
        "corral: wrong input\n  a name or an id holds bytes that are no text in UTF-8\n",
    )


def test_the_working_folder_is_searched_for_modules_behind_what_is_installed(tmp_path):
    code = "from corral.process.startup import prepare; prepare(); import sys; print(sys.path[-1], sys.stdin.read())"
    done = shell(f'"{sys.executable}" -P -c {json.dumps(code)}', tmp_path)
    assert done.stdout.split() == [str(tmp_path)]


def test_processes_start_however_long_the_name_of_the_temporary_folder_is(tmp_path):
    long = tmp_path / ("a" * 100)
    long.mkdir()
    (tmp_path / "child.py").write_text("def say(end):\n    end.send('here')\n")
    code = (
        "import child; from corral_worker.child_processes.processes import fork_server\n"
        "context = fork_server(); ours, theirs = context.Pipe()\n"
        "process = context.Process(target=child.say, args=(theirs,)); process.start()\n"
        "print(ours.recv()); process.join()\n"
    )
    (tmp_path / "main.py").write_text(
        f"if __name__ == '__main__':\n    {code.replace(chr(10), chr(10) + '    ')}"
    )
    done = shell(f'"{sys.executable}" main.py', tmp_path, TMPDIR=str(long))
    assert (done.stdout, done.stderr) == ("here\n", "")
