"""`corral up` and the command line in an environment where everything is set that could reach in."""

import json
import re
import shlex
from pathlib import Path

import pytest
from tests.fixtures.local_system import Up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HOSTILE = {
    "PGHOST": "nowhere.invalid", "PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGDATABASE": "n", "PGUSER": "n",
    "PGPASSWORD": "w", "PGPASSFILE": "/nowhere", "PGSERVICE": "missing", "PGOPTIONS": "-c nonsense=1",
    "PGSSLMODE": "verify-full", "PGCHANNELBINDING": "require", "PGREQUIREAUTH": "gss", "PGTZ": "Mars/Olympus",
    "PGDATESTYLE": "German", "PGCLIENTENCODING": "SQL_ASCII", "PGTARGETSESSIONATTRS": "standby",
    "PGCONNECT_TIMEOUT": "none", "PGDATA": "/nowhere",
    "HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "nonsense", "ALL_PROXY": "socks5://127.0.0.1:1",
    "http_proxy": "http://127.0.0.1:1", "SSL_CERT_FILE": "/nowhere", "SSL_CERT_DIR": "/nowhere", "NETRC": "/nowhere",
    "TZ": "Mars/Olympus", "LC_ALL": "C", "LANG": "xx", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
    "PYTHONIOENCODING": "ascii", "PYTHONSTARTUP": "/nowhere", "PYTHONWARNINGS": "error", "PYTHONHASHSEED": "0",
    "PYTHONSAFEPATH": "1", "PYTHONPATH": "/nowhere", "PYTHON_DOTENV_DISABLED": "1",
    "GUNICORN_CMD_ARGS": "--bind 0.0.0.0:1", "WEB_CONCURRENCY": "many", "GUNICORN_PID": "1", "GUNICORN_FD": "9",
    "PORT": "1", "UVICORN_PORT": "1", "REDIS_URL": "redis://nowhere.invalid", "RQ_KEY_PREFIX": "%s",
    "KUBECONFIG": "/nowhere", "TMPDIR": "/no where", "XDG_RUNTIME_DIR": "/nowhere", "XDG_CONFIG_HOME": "/nowhere",
    "PROMETHEUS_MULTIPROC_DIR": "/nowhere", "COLUMNS": "3", "TERM": "dumb", "NO_COLOR": "1", "HOME": "/nowhere",
}  # fmt: skip
CODE = """
import os
from corral.catalog import job

@job(name="here.hello")
async def hello(name: str) -> str:
    return f"hello {name} {os.environ['PGHOST']}"
"""


def test_it_runs_where_everything_is_set_that_could_reach_in(start, folder: Path):
    """And handlers keep the environment that was meant for them."""
    (folder / "zoë.py").write_text(CODE, encoding="utf-8")
    up: Up = start(**HOSTILE, CORRAL_JOBS="zoë").ready()
    done = up.corral(
        "jobs", "submit", "here.hello", "--payload", '"Zoë 😀"', "--wait", "30", "--json", **HOSTILE
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["result"] == "hello Zoë 😀 nowhere.invalid"
    job = json.loads(done.stdout)["id"]
    for words, shown in (
        (("jobs", "list"), "completed"),
        (("jobs", "show", job), r"Zo\xeb \U0001f600"),
        (("types", "list"), "here.hello"),
        (("types", "register"), "here.hello"),
    ):
        said = up.corral(*words, **HOSTILE, CORRAL_JOBS="zoë")
        assert (said.returncode, shown in said.stdout) == (0, True), (words, said.stdout, said.stderr)
    assert up.stop() == 0
    assert "Traceback" not in up.output


def test_what_it_prints_finds_it_also_with_data_elsewhere(start, folder: Path):
    up: Up = start("--data", "my data").ready()
    [prepare] = re.findall(r"^  prepare +(.*)", up.output, re.MULTILINE)
    exported = [line for line in prepare.split(" && ") if line.startswith("export ")]
    [(name, value)] = [shlex.split(line)[1].split("=", 1) for line in exported]
    assert (name, value) == ("CORRAL_DATA", str(folder / "my data"))
    [line] = re.findall(r"^  try +corral (.*)", up.output, re.MULTILINE)
    done = up.corral(*shlex.split(line), CORRAL_DATA=value)
    assert (done.returncode, "completed" in done.stdout) == (0, True), done.stderr
    lost = up.corral(*shlex.split(line))
    assert (lost.returncode, "CORRAL_DATA" in lost.stderr) == (2, True)
    assert up.corral("keys", "create", "ci", "--role", "viewer", CORRAL_DATA=value).returncode == 0
    assert up.stop() == 0
