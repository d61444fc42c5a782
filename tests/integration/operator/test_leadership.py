"""Who leads where the Lease is missing, or may not be made."""

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.operator.kubernetes import Kubernetes
from tests.integration.operator.operating import operating
from tests.integration.operator.workers import Workers

from corral.dispatch import Dispatch

EVERY_RIGHT = ("get", "patch", "create")


async def test_a_lease_that_nobody_made_is_made_by_the_operator(hurried: None, dispatch: Dispatch) -> None:
    """Argo CD leaves Leases out of what it applies."""
    async with (
        Kubernetes(lease=None, pool={"minReplicas": 2}) as kubernetes,
        Workers(kubernetes, dispatch),
        operating(kubernetes, dispatch),
    ):
        await eventually_async(lambda: len(kubernetes.pods) == 2, "it leads and scales")
        assert kubernetes.lease["holderIdentity"] == "operator-a"
        kubernetes.lease = None
        await eventually_async(lambda: (kubernetes.lease or {}).get("holderIdentity"), "it is made again")


@pytest.mark.parametrize(
    ("lease", "rights"), [(None, ("get", "patch")), ({}, ("get", "create")), ({}, ("create",))]
)
async def test_that_nobody_may_lead_is_told_once_and_ends_when_the_right_is_given(
    hurried: None,
    dispatch: Dispatch,
    capfd: pytest.CaptureFixture[str],
    lease: dict[str, str] | None,
    rights: tuple[str, ...],
) -> None:
    async with (
        Kubernetes(lease=lease, lease_rights=rights, pool={"minReplicas": 1}) as kubernetes,
        Workers(kubernetes, dispatch),
        operating(kubernetes, dispatch),
    ):
        event = await eventually_async(
            lambda: [one for one in kubernetes.events if one["reason"] == "NoLeader"], "an Event"
        )
        (ready,) = [one for one in kubernetes.status["conditions"] if one["type"] == "Ready"]
        assert (ready["status"], ready["reason"]) == ("False", "NoLeader")
        missing = next(right for right in EVERY_RIGHT if right not in rights)
        for text in (ready["message"], event[0]["message"], kubernetes.status["reason"]):
            assert "no operator may lead" in text
            assert f"cannot {missing}" in text
        assert not kubernetes.pods
        kubernetes.lease_rights = EVERY_RIGHT
        await eventually_async(lambda: len(kubernetes.pods) == 1, "it leads")
        await eventually_async(lambda: kubernetes.condition("Ready"), "the pool is scaled again")
        assert len([one for one in kubernetes.events if one["reason"] == "NoLeader"]) == 1
    assert capfd.readouterr().out.count("lease.unusable") == 1
