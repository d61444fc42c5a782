"""Security contexts are values: restricted where nobody says otherwise, the cluster's own users where they are blank."""

import pytest
from tests.chart.helm import Helm, Refused
from tests.chart.objects import containers, pods

IDS = {"runAsUser", "runAsGroup", "fsGroup"}


def test_without_values_every_user_has_its_number(helm: Helm) -> None:
    for owner, _, spec in pods(helm.variant("defaults")):
        number = 999 if owner.startswith("StatefulSet") else 10001
        context = spec["securityContext"]
        assert {context[name] for name in IDS} == {number}, owner
        assert context["fsGroupChangePolicy"] == "OnRootMismatch", owner


def test_on_openshift_no_pod_asks_for_a_user_or_a_group(each_helm: Helm) -> None:
    """restricted-v2 refuses each that it did not give itself."""
    for owner, _, spec in pods(each_helm.variant("openshift")):
        assert spec["securityContext"] == {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }, owner
    for where, container in containers(each_helm.variant("openshift")):
        assert not IDS & container["securityContext"].keys(), where


def test_a_component_changes_an_entry_of_its_own(helm: Helm) -> None:
    values = (
        "existingSecret: x\n"
        "pods: {podSecurityContext: {supplementalGroups: [7]}}\n"
        "publisher: {containerSecurityContext: {readOnlyRootFilesystem: false}}\n"
        "jobs: {podSecurityContext: {runAsUser: 1000620000}, containerSecurityContext: {runAsGroup: 5}}\n"
        "pools:\n"
        "- {name: io, queues: [demo], podSecurityContext: {runAsGroup: 0, fsGroup: }}\n"
        "- {name: cpu, queues: [cpu], podSecurityContext: {seLinuxOptions: {level: 's0:c1'}}}\n"
    )
    found = {owner: (spec["securityContext"], spec["containers"][0]["securityContext"]) for owner, _, spec in pods(helm.render(values=values))}  # fmt: skip
    by_name = {owner.split("corral-", 1)[1]: contexts for owner, contexts in found.items()}
    assert by_name["publisher"][1]["readOnlyRootFilesystem"] is False
    assert by_name["operator"][1]["readOnlyRootFilesystem"] is True
    assert all(pod["supplementalGroups"] == [7] for pod, _ in found.values())
    io, cpu = by_name["worker-io"][0], by_name["worker-cpu"][0]
    assert (io["runAsUser"], io["runAsGroup"], "fsGroup" in io) == (10001, 0, False)
    assert (cpu["seLinuxOptions"], cpu["fsGroup"]) == ({"level": "s0:c1"}, 10001)
    for owner, (pod, container) in by_name.items():
        if owner.startswith(("migrate", "types", "admin", "test")):
            assert (pod["runAsUser"], container["runAsGroup"]) == (1000620000, 5), owner
    (types_io,) = [pod for owner, (pod, _) in by_name.items() if owner.startswith("types-io")]
    assert (types_io["runAsGroup"], "fsGroup" in types_io) == (0, False), (
        "as the pool, over what holds for Jobs"
    )


@pytest.mark.parametrize(
    "given", ["pods.podSecurityContext.runAsuser=1", "redis.containerSecurityContext.fsGroup=1"]
)
def test_an_entry_that_kubernetes_does_not_know_is_refused(helm: Helm, given: str) -> None:
    with pytest.raises(Refused, match="not allowed"):
        helm.render("--set", "existingSecret=x", "--set", given)
