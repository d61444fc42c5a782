"""The chart's Role: what the operator needs works, and nothing else does."""

import os
import subprocess

from tests.cluster.operator.kube import Kube
from tests.cluster.operator.stage import Stage, until

LEASE = "corral-operator"

# What it patches is not here: kubectl reads a subresource before it writes it. The operator does not, as other tests show.
ALLOWED = [
    "get workerpools",
    "get pods",
    "get replicasets",
    "get deployment w",
    f"get lease {LEASE}",
    f'patch lease {LEASE} --type=merge -p {{{{"spec":{{{{"holderIdentity":"x"}}}}}}}}',
    "get --raw /openapi/v3",
    "create lease",  # where Argo CD left it out; Kubernetes can't limit this right to one name
]

FORBIDDEN = [
    # A pod that can be patched can be made to run another image, with every right of its account.
    'patch pod {pod} -p {{"spec":{{"containers":[{{"name":"worker","image":"evil"}}]}}}}',
    "label pod {pod} a=b",
    "annotate pod {pod} controller.kubernetes.io/pod-deletion-cost=-1",
    "delete pod {pod}",
    "exec {pod} -- true",
    "logs {pod}",
    "run evil --image=evil",
    # The template of a Deployment is what runs.
    "set image deployment/w worker=evil",
    'patch deployment w --type=merge -p {{"spec":{{"replicas":9}}}}',
    "delete deployment w",
    "get deployments",
    "create deployment evil --image=evil",
    # Other Deployments of the namespace are none of its business.
    "get deployment other",
    'patch deployment other --subresource=scale --type=merge -p {{"spec":{{"replicas":0}}}}',
    "delete replicaset --all",
    "get statefulsets",
    # What is secret stays so.
    "get secrets",
    "get secret any",
    "get configmaps",
    "create token default",
    "get serviceaccounts",
    # Pools are people's; it writes their status alone.
    'patch workerpool io --type=merge -p {{"spec":{{"maxReplicas":1000}}}}',
    "delete workerpool io",
    "get leases",
    "get lease other",
    'patch lease other --type=merge -p {{"spec":{{"holderIdentity":"x"}}}}',
    f"delete lease {LEASE}",
    "get events",
    "delete events --all",
    "get jobs",
    "create job evil --image=evil",
    "get roles",
    "create rolebinding evil --clusterrole=admin --serviceaccount=x:y",
    "get horizontalpodautoscalers",
    # Beyond its namespace.
    "get pods -n kube-system",
    "get workerpools -n default",
    "get namespaces",
    "get nodes",
    "get customresourcedefinitions",
]


def attempt(kube: Kube, account: str, words: str) -> subprocess.CompletedProcess[str]:
    pod = kube.pods()[0]["metadata"]["name"] if "{pod}" in words else ""
    name, *rest = [word.format(pod=pod) for word in words.split(" ")]
    if [name, *rest] == ["create", "lease"]:
        lease = "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: mine}\n"
        rest, given = ["-f", "-"], lease
    else:
        given = None
    return subprocess.run(
        ["kubectl", *([] if "-n" in rest or "--raw" in rest else ["-n", kube.namespace]), name, *rest],
        env={**os.environ, "KUBECONFIG": account},
        input=given,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


async def test_the_role_allows_what_the_operator_does_and_nothing_else(
    kube: Kube, stage: Stage, account: str
) -> None:
    stage.pool()
    kube("create", "deployment", "other", "--image=any", "--replicas=0")
    kube("create", "secret", "generic", "any", "--from-literal=a=b")
    kube.apply({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "other"}})
    await until(kube.pods, "a pod")
    refused = {words: done.stderr for words in ALLOWED if (done := attempt(kube, account, words)).returncode}
    assert refused == {}
    done = {words: attempt(kube, account, words) for words in FORBIDDEN}
    wrong = {
        words: one.stdout + one.stderr
        for words, one in done.items()
        if one.returncode == 0 or "forbidden" not in one.stderr.lower()
    }
    assert wrong == {}


def test_the_rules_name_no_wildcard_and_write_no_pods(kube: Kube, account: str) -> None:
    rules = kube.get("role", "corral-operator")["rules"]
    for rule in rules:
        assert "*" not in {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        if any(one.startswith("pods") for one in rule["resources"]):
            assert rule["resources"] == ["pods"]
            assert set(rule["verbs"]) <= {"get", "list", "watch"}
        if any(one.startswith("deployments") for one in rule["resources"]):
            assert rule["resourceNames"]
