"""Examples, started as their READMEs say: typed definitions with a web application, and three images for three queues."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template
from typing import Any

import httpx2 as httpx
import pytest
from tests.fixtures import programs
from tests.fixtures.local_system import own_port
from tests.fixtures.process import Process
from tests.fixtures.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "typed_definitions"
README = (EXAMPLE / "README.md").read_text()
QUEUES = EXAMPLE.parent / "three_queues"
JOBS = 1000
SECOND = """
from corral.catalog import job


@job("shop.remind", queue="bills")
async def remind() -> None: ...
"""
"""An image that would serve a queue which another one serves."""
MODULES = {"corral": "corral.cli", "gunicorn": "gunicorn"}
Run = Callable[[str], Process]


def lines(start: str, readme: str = README) -> list[str]:
    """The lines of the block of code after this text."""
    found = re.search(r"```sh\n(.*?)```", readme.split(start, 1)[1], re.DOTALL)
    assert found is not None
    return found[1].splitlines()


@pytest.fixture
def run(folder: Path) -> Iterator[Run]:
    """Starts a line of a shell in the folder and lets it go on."""
    running: list[Process] = []

    def begin(line: str) -> Process:
        words = shlex.split(line)
        set_here = [word for word in words if re.match(r"[A-Z_]+=", word)]
        program, *arguments = words[len(set_here) :]
        environment = programs.environment() | dict(word.split("=", 1) for word in set_here)
        log = folder / f"program-{len(running)}.log"
        running.append(
            Process(
                MODULES[program], *arguments, environment=environment, log=log, folder=folder, forked=False
            )
        )
        return running[-1]

    yield begin
    for program in running:
        program.send(15)
    for program in running:
        program.wait()
        sys.stdout.write(program.output)  # shown with a failure


def ended(client: Any, job: str) -> Any:
    def there() -> Any:
        now = client.job(job)
        return now if now["state"] not in ("scheduled", "queued", "running") else None

    return eventually(there, timeout=90)


def test_a_web_application_submits_and_each_queue_has_its_worker(start, run: Run, folder: Path):
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    up = start("--workers", "1", CORRAL_QUEUES="demo").ready()
    key = up.corral("keys", "create", "clean", "--role", "admin").stdout.split()[-1]
    web = f"127.0.0.1:{own_port()}"
    settings = {"CORRAL_URL": up.url, "CORRAL_KEY": key}
    register, *workers = lines("Each queue has its own workers")
    assert run(register).wait() == 0
    for line in (*workers, lines("submits from a web application")[0]):
        run(Template(line).substitute(settings).replace("127.0.0.1:5000", web))
    with up.client() as corral, httpx.Client(base_url=f"http://{web}", trust_env=False) as http:
        eventually(lambda: len(list(corral.pages("/workers"))) == 3, timeout=60)
        eventually(lambda: _answers(http), timeout=60)
        wrong = http.post("/sign-up", json={"to": "nobody", "name": "Ada"})
        assert wrong.status_code == 422
        assert [one["pointer"] for one in wrong.json()["errors"]] == ["/payload/to"]
        welcome = _submitted(http.post("/sign-up", json={"to": "ada@example.com", "name": "Ada"}))
        done = ended(corral, welcome)
        assert done["result"] == {"to": "ada@example.com", "subject": "Welcome, Ada!"}
        assert b"ada@example.com" in (folder / "outbox" / f"{welcome}.eml").read_bytes()
        cleaned = ended(corral, _submitted(http.post("/clean")))
        assert cleaned["state"] == "completed", cleaned["error"]
        assert {"database", "emails"} <= cleaned["result"]["removed"].keys()
    assert up.stop() == 0


def test_three_images_on_three_queues_refuse_none_of_a_thousand_jobs(start, run: Run, folder: Path):
    shutil.copytree(QUEUES, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    readme = (QUEUES / "README.md").read_text()
    up = start("--workers", "1", CORRAL_QUEUES="demo").ready()
    for line in lines("the queue, the types and the other image", readme):
        assert run(line).wait() == 0
    ports = [own_port() for _ in range(3)]
    for line, port in zip(lines("Each image's workers", readme), ports, strict=True):
        run(f"CORRAL_METRICS_PORT={port} {line}")
    with up.client() as corral:
        eventually(lambda: len(list(corral.pages("/workers"))) == 4, timeout=60)
    program = [sys.executable, "submit_orders.py", str(JOBS)]
    told = subprocess.run(
        program,
        cwd=folder,
        env=programs.environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    assert told.stdout == f"completed: {JOBS}\n", told.stderr
    claims = [_claims(port) for port in ports]
    assert sum(answers.get("claimed", 0) for answers in claims) == JOBS
    assert [answers.get("unknown-type", 0) for answers in claims] == [0, 0, 0]
    (folder / "second.py").write_text(SECOND)
    refused = up.corral("types", "register", CORRAL_JOBS="second", CORRAL_HANDLERS="second")
    assert refused.returncode != 0
    assert "queue bills: this image handles shop.remind in it, but not shop.bill" in refused.stderr
    assert up.stop() == 0


def _claims(port: int) -> dict[str, int]:
    """What a worker's claims were answered, by answer."""
    page = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    found = re.findall(
        r'^corral_claims_total\{answer="([\w-]+)",queue="[\w-]+"\} ([\d.e+]+)$', page, re.MULTILINE
    )
    answers: dict[str, int] = {}
    for answer, count in found:
        answers[answer] = answers.get(answer, 0) + int(float(count))
    return answers


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/docs").status_code == 200
    except httpx.TransportError:
        return False


def _submitted(answer: httpx.Response) -> str:
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job"])
