"""Result 10. Data is lost, and comes back from a backup by the commands of docs/how-to/operate.md."""

import json
import time

import httpx2
import pytest
from tests.cluster.cluster import until
from tests.cluster.goals import Goals
from tests.cluster.operating.handbook import Handbook
from tests.cluster.operating.yesterday import (
    COMPLETED,
    FAILED,
    PAUSED,
    QUEUED,
    RUNNING,
    SCHEDULED,
    TAG,
    Yesterday,
    held_by_redis,
    new_key,
)
from tests.cluster.release import SMALL, Release, pool

from corral.client import ApiProblem

GHOSTS = 30
"""Jobs of after the backup."""
START_SECONDS = 60
CLAIM_SECONDS = 60
COMPLETED_SECONDS = 120
"""A worker's start, the rest of the observation, and the jobs themselves once more."""


@pytest.fixture(scope="module")
def installed(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Handbook:
    """One slot, so that jobs wait behind the one that runs."""
    io = pool("io", ["demo", "cpu", "reports"], maxReplicas=1, slots=RUNNING, grace=5)
    io["executors"] = {"async": RUNNING, "thread": 1, "process": 1}
    values = {"publisher": {"replicas": 2, "resources": SMALL}, "pools": [io]}
    release.install(values)
    return Handbook(release, values, tmp_path_factory.mktemp("backup"))


@pytest.fixture(scope="module")
def backup(release: Release, installed: Handbook) -> Yesterday:
    """A backup of jobs of every kind."""
    yesterday = Yesterday(release)
    yesterday.live()
    counts = yesterday.note()
    installed.run("Back up and restore")
    expected = {"completed": COMPLETED, "failed": FAILED, "queued": QUEUED + PAUSED, "scheduled": SCHEDULED}
    assert counts == expected | {"running": RUNNING}
    assert yesterday.note() == counts, "jobs moved on while the backup was made: too slow a machine for this"
    return yesterday


def test_yesterdays_jobs_are_all_there_again(
    release: Release, installed: Handbook, backup: Yesterday, goals: Goals
) -> None:
    what = "backup"
    client = release.client
    ghosts = client.submit_many("demo.cpu", [{"seconds": 0.1}] * GHOSTS, "ghost")  # their queue is paused
    ghost_key = new_key(release, "since then")
    assert allowed(release, ghost_key)
    until(lambda: held_by_redis(release, ghosts) == ghosts, "Redis holds the jobs of after the backup", 10)
    psql(release, "delete from corral.jobs")
    assert client.jobs(TAG) == []

    began = time.monotonic()
    release.close()  # a publisher that stops waits for connections that are kept
    installed.run("Stop")
    installed.run("Restore")
    goals.note(f"{what}: stopped and restored after {time.monotonic() - began:.0f} s")
    assert "demo.sleep" in installed.run("Look")
    started = time.monotonic()
    installed.run("Start")
    client = release.client
    all_back(backup, what, goals)
    goals.at_most(
        f"{what}: the API answers after its start, seconds", time.monotonic() - started, START_SECONDS
    )
    assert client.download(backup.file_at) == backup.file
    assert allowed(release, backup.key)
    assert not allowed(release, ghost_key), "a key of after the backup still opens"
    answered = sum(not gone(release, id) for id in ghosts)
    goals.none(f"{what}: jobs of after the backup that are answered", answered)

    work_resumes(installed, backup, what, goals)
    work_goes_on(release, backup, what, goals)
    goals.none(f"{what}: jobs of after the backup that Redis knows", len(held_by_redis(release, ghosts)))
    goals.none(f"{what}: errors in the logs", len(complaints(release, ghosts)))


def test_an_empty_volume_is_filled_from_the_backup(
    release: Release, installed: Handbook, backup: Yesterday, goals: Goals
) -> None:
    what = "volume lost"
    old = release.namespace.get("persistentvolumeclaims", f"{release.name}-postgres")["metadata"]["uid"]
    began = time.monotonic()
    installed.run("The volume of Postgres is lost")
    new = release.namespace.get("persistentvolumeclaims", f"{release.name}-postgres")["metadata"]["uid"]
    assert new != old
    assert psql(release, "select to_regclass('corral.jobs') is null") == "t", "the volume is not empty"
    release.close()  # a publisher that stops waits for connections that are kept
    installed.run("Stop")
    installed.run("Restore")
    installed.run("Start")
    all_back(backup, what, goals)
    assert release.client.download(backup.file_at) == backup.file
    assert allowed(release, backup.key)
    goals.note(f"{what}: an empty database and the backup in it after {time.monotonic() - began:.0f} s")
    work_resumes(installed, backup, what, goals)
    work_goes_on(release, backup, what, goals)
    goals.none(f"{what}: errors in the logs", len(complaints(release, [])))


def all_back(backup: Yesterday, what: str, goals: Goals) -> None:
    """Every job of the backup stands as it stood."""
    restored = backup.restored()
    goals.at_least(f"{what}: jobs that are there in their state", len(restored), len(backup.jobs))


def work_resumes(installed: Handbook, backup: Yesterday, what: str, goals: Goals) -> None:
    """With the operator the workers come back, and run what was queued or running."""
    started = time.monotonic()
    installed.run("The operator")
    live = only(backup, "demo.echo", "queued") + backup.states("running")
    until(lambda: backup.claimed(live), "a worker claims again", CLAIM_SECONDS + 60)
    goals.at_most(
        f"{what}: work flows after the operator's start, seconds", time.monotonic() - started, CLAIM_SECONDS
    )
    backup.wait_completed(live, COMPLETED_SECONDS + 60)
    goals.at_most(
        f"{what}: what was queued or running is completed after it, seconds",
        time.monotonic() - started,
        COMPLETED_SECONDS,
    )


def work_goes_on(release: Release, backup: Yesterday, what: str, goals: Goals) -> None:
    """What was paused or scheduled runs when it is told to, and new jobs run."""
    client = release.client
    paused = only(backup, "demo.cpu", "queued")
    assert {job["state"] for job in client.jobs(TAG) if job["id"] in paused} == {"queued"}
    client.post("/queues/cpu/resume")
    scheduled = backup.states("scheduled")
    for id in scheduled:
        client.post(f"/jobs/{id}/run-now")
    new = [client.submit("demo.echo", n)["id"] for n in range(5)]
    backup.wait_completed(paused + scheduled, 120)
    client.wait_quiet("demo", 60)
    completed = sum(client.job(id)["state"] == "completed" for id in new)
    goals.at_least(f"{what}: new jobs completed", completed, len(new))


def only(backup: Yesterday, type: str, state: str) -> list[str]:
    """Jobs of the backup of one type and state."""
    return [id for id in backup.states(state) if backup.jobs[id]["type"] == type]


def gone(release: Release, id: str) -> bool:
    """Whether the API knows no such job."""
    try:
        release.client.job(id)
    except ApiProblem as problem:
        return problem.status == 404
    return False


def allowed(release: Release, key: str) -> bool:
    """Whether the API lets a key in."""
    url = release.forward.url + "/api/v1/queues"
    answer = httpx2.get(url, headers={"Authorization": f"Bearer {key}"}, timeout=30)
    assert answer.status_code in {200, 401}, answer.text
    return answer.status_code == 200


def psql(release: Release, statement: str) -> str:
    """What a statement answers, asked inside the pod of Postgres."""
    pod = f"{release.name}-postgres-0"
    return release.namespace.exec(pod, "psql", "-U", "postgres", "-d", "corral", "-Atqc", statement).strip()


def complaints(release: Release, ghosts: list[str]) -> list[str]:
    """Lines of our pods' logs that tell of an error, or name a job that is no more."""
    found: list[str] = []
    for component in ("publisher", "worker", "operator"):
        for pod in release.namespace.pods(component):
            for line in release.namespace.logs(pod["metadata"]["name"]).splitlines():
                told = json.loads(line) if line.startswith("{") else {"level": "error"}
                if told.get("level") in {"error", "critical"} or any(id in line for id in ghosts):
                    found.append(line)
    assert not found, "\n".join(found[:20])
    return found
