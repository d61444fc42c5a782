"""An install as OpenShift's restricted-v2 makes it: every pod under a user that no image knows, in group 0."""

from typing import Any

import pytest
from tests.cluster.cluster import until
from tests.cluster.release import Release

UID = 1000620000
CONTEXT = {"runAsUser": UID, "runAsGroup": 0, "fsGroup": UID}
"""What the admission of restricted-v2 fills in, where the values leave it blank; here the values say it."""
VALUES: dict[str, Any] = {name: {"podSecurityContext": CONTEXT} for name in ("pods", "postgres", "redis")}


@pytest.fixture(scope="module")
def installed(release: Release) -> Release:
    release.install(VALUES)
    return release


def test_a_job_runs_through_the_whole_system(installed: Release) -> None:
    assert "Phase:          Succeeded" in installed.test()


def test_a_report_is_made_in_a_process_of_its_own(installed: Release) -> None:
    job = installed.client.submit("report.generate", {"title": "Users", "csv": "a,b\n1,2\n"}, wait=120)
    assert job["state"] == "completed", job


def test_every_process_has_that_user(installed: Release) -> None:
    until(lambda: installed.namespace.pods("operator"), "there are pods", 30)
    for component in ("publisher", "operator", "postgres", "redis"):
        for pod in installed.namespace.pods(component):
            (container,) = pod["spec"]["containers"]
            context = pod["spec"]["securityContext"] | container["securityContext"]
            assert (context["runAsUser"], context["runAsGroup"]) == (UID, 0), component
            assert all(status["restartCount"] == 0 for status in pod["status"]["containerStatuses"]), (
                component
            )
