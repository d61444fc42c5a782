"""Result 11. Passwords and the admin's key are rotated under load by the commands of docs/how-to/operate.md."""

import time
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise

import httpx2
import pytest
from tests.cluster.cluster import until
from tests.cluster.goals import Goals
from tests.cluster.load.ledger import Ledger
from tests.cluster.load.load import Load
from tests.cluster.operating.handbook import Handbook
from tests.cluster.program import ProgramFailed, run
from tests.cluster.release import Release, pool

from corral.client import ApiProblem, Unreachable

ROTATED_SECONDS = 180
RECOVERY_SECONDS = 30
PAUSE_SECONDS = 60
KEY_SECONDS = 15
RATE, SECONDS = 2.0, 2


@pytest.fixture(scope="module")
def installed(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Handbook:
    """Two publishers, and workers whose grace is longer than the jobs."""
    values = {
        "publisher": {"replicas": 2},
        "pools": [pool("io", ["demo"], minReplicas=1, maxReplicas=2, slots=10, grace=30)],
    }
    release.install(values)
    return Handbook(release, values, tmp_path_factory.mktemp("rotation"))


def under_load(release: Release, what: str, rotate: Callable[[], str], goals: Goals) -> None:
    """Rotate while jobs are posted and run; then a job completes, and none was lost."""
    tag = what.replace(" ", "-")
    with Load(release, tag, "demo.sleep", f'{{"seconds": {SECONDS}}}', RATE) as load:
        release.client.wait_running("demo", 2, 60)
        began = time.monotonic()
        rotate()
        done = time.monotonic()
        goals.at_most(f"{what}: the commands are done after, seconds", done - began, ROTATED_SECONDS)
        release.close()  # its key may have been rotated, its pod replaced
        until(lambda: works(release), f"work flows after {what}", 120)
        goals.at_most(f"{what}: work flows after them, seconds", time.monotonic() - done, RECOVERY_SECONDS)
    answers = load.answers
    goals.note(
        f"{what}: {len(answers.accepted)} jobs accepted, {len(answers.refused)} refused, "
        f"{len(answers.broken)} requests broken"
    )
    for line in (answers.refused + answers.broken)[:3]:
        goals.note(f"{what}: not accepted: {line}")
    release.client.wait_quiet("demo", 120)
    ledger = Ledger.of(release.client, tag, answers.accepted)
    goals.at_most(f"{what}: longest time in which no job ended, seconds", pause(ledger), PAUSE_SECONDS)
    ledger.check(goals, what)


def pause(ledger: Ledger) -> float:
    """The longest time between the ends of two jobs, one after the other, in seconds."""
    ends = sorted(datetime.fromisoformat(job["finished_at"]) for job in ledger.jobs)
    return max((later - earlier).total_seconds() for earlier, later in pairwise(ends))


def test_the_password_of_postgres_is_rotated(release: Release, installed: Handbook, goals: Goals) -> None:
    what = "password of Postgres"
    old = release.namespace.secret(f"{release.name}-credentials", "database-password")
    assert opens_postgres(release, old)
    under_load(release, what, lambda: installed.run("Postgres."), goals)
    assert not opens_postgres(release, old), "the old password still opens Postgres"
    assert opens_postgres(
        release, release.namespace.secret(f"{release.name}-credentials", "database-password")
    )


def test_the_password_of_redis_is_rotated(release: Release, installed: Handbook, goals: Goals) -> None:
    what = "password of Redis"
    old = release.namespace.secret(f"{release.name}-credentials", "redis-password")
    assert opens_redis(release, old)
    under_load(release, what, lambda: installed.run("Redis."), goals)
    assert not opens_redis(release, old), "the old password still opens Redis"
    assert opens_redis(release, release.namespace.secret(f"{release.name}-credentials", "redis-password"))


def test_the_admins_key_is_rotated(release: Release, installed: Handbook, goals: Goals) -> None:
    what = "admin's key"
    old = release.admin_key()
    assert status(release, old) == 200
    jobs = release.client.submit_many("demo.sleep", [{"seconds": SECONDS}] * 20, "with the old key")
    installed.run("The admin's key.")
    replaced = time.monotonic()
    new = release.admin_key()
    assert new != old
    until(lambda: status(release, new) == 200, "the new key opens", KEY_SECONDS)
    until(lambda: status(release, old) == 401, "the old key is refused", 60)
    goals.at_most(f"{what}: the old one is refused after, seconds", time.monotonic() - replaced, KEY_SECONDS)
    release.close()
    release.client.wait_quiet("demo", 60)
    Ledger.of(release.client, "with the old key", jobs).check(goals, what)


def test_a_lost_secret_is_made_anew(release: Release, installed: Handbook, goals: Goals) -> None:
    what = "Secret lost"
    jobs = release.client.submit_many("demo.sleep", [{"seconds": SECONDS}] * 20, what)
    old = {key: release.namespace.secret(f"{release.name}-credentials", key) for key in
           ("admin-key", "database-password", "redis-password")}  # fmt: skip
    run("kubectl", "delete", "secret", "--namespace", release.namespace.name, f"{release.name}-credentials")
    began = time.monotonic()
    installed.run("Make a new Secret")
    installed.run("Give its passwords to the database")
    release.close()
    until(lambda: works(release), "work flows with the new Secret", 120)
    goals.at_most(
        f"{what}: work flows with a new one after, seconds", time.monotonic() - began, ROTATED_SECONDS
    )
    assert not opens_postgres(release, old["database-password"]), "the old password still opens Postgres"
    assert not opens_redis(release, old["redis-password"]), "the old password still opens Redis"
    until(lambda: status(release, old["admin-key"]) == 401, "the old key is refused", KEY_SECONDS)
    release.client.wait_quiet("demo", 120)
    Ledger.of(release.client, what, jobs).check(goals, what, undisturbed=False)


def works(release: Release) -> bool:
    """Whether a job that is submitted now completes."""
    try:
        job = release.client.submit("demo.echo", "again", wait=5, priority="high")
    except (Unreachable, ApiProblem) as error:
        raise AssertionError(str(error)) from error
    return bool(job["state"] == "completed")


def status(release: Release, key: str) -> int:
    """What a request with that key is answered."""
    headers = {"Authorization": f"Bearer {key}"}
    try:
        return httpx2.get(release.forward.url + "/api/v1/queues", headers=headers, timeout=30).status_code
    except httpx2.TransportError:
        return 0


def opens_postgres(release: Release, password: str) -> bool:
    """Whether a new connection is let in with it."""
    address = f"postgresql://{release.name}@127.0.0.1/{release.name}"
    return opens(
        release, f"{release.name}-postgres-0", f"PGPASSWORD={password}", "psql", address, "-qc", "select 1"
    )


def opens_redis(release: Release, password: str) -> bool:
    """Likewise; redis-cli says so, and ends well all the same."""
    return opens(release, release.redis_pod(), f"REDISCLI_AUTH={password}", "redis-cli", "-e", "dbsize")


def opens(release: Release, pod: str, variable: str, *command: str) -> bool:
    """Whether a command with that variable is let in."""
    try:
        release.namespace.exec(pod, "env", variable, *command)
    except ProgramFailed as refused:
        said = refused.output
        assert "authentication failed" in said or "WRONGPASS" in said or "NOAUTH" in said, said
        return False
    return True
