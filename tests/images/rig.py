"""A namespace of its own on the cluster that KUBECONFIG names, and restricted pods in it."""

import json
import os
import secrets
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fixtures.waiting import eventually

PATIENCE_SECONDS = 90.0
GRACE_SECONDS = 20
LOOK = 0.2
"""Seconds between two looks at a condition."""
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def image(service: str, tag: str) -> str:
    """The name of an image of ours; CORRAL_IMAGE_REGISTRY says where it is, where the nodes must fetch it."""
    registry = os.environ.get("CORRAL_IMAGE_REGISTRY", "")
    return f"{registry}/corral-{service}:{tag}".removeprefix("/")


class Failed(Exception):
    """A command of kubectl failed, or what was waited for did not come."""


def kubectl(*arguments: str, given: str | None = None) -> str:
    """What kubectl prints."""
    done = subprocess.run(["kubectl", *arguments], input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"kubectl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Namespace:
    """One namespace; whoever makes it deletes it."""

    def __init__(self, purpose: str) -> None:
        self.name = f"corral-{purpose}-{secrets.token_hex(3)}"
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {
                    "name": self.name,
                    "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
                },
            }
        )

    def delete(self) -> None:
        """With all that is in it; does not wait."""
        kubectl("delete", "namespace", self.name, "--wait=false")

    def apply(self, thing: Mapping[str, Any]) -> None:
        """Make it."""
        kubectl("apply", "-f", "-", given=json.dumps(thing))

    def run(self, name: str, image: str, **container: Any) -> None:
        """Start a pod of one restricted container; more of the container's fields by name, `user` for the uid, `group`."""
        user = container.pop("user", 10001)
        group = container.pop("group", user)
        mounts = [{"name": "tmp", "mountPath": path} for path in ("/tmp", *container.pop("scratch", ()))]
        pod = {
            "restartPolicy": "Never",
            "enableServiceLinks": False,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": user,
                "runAsGroup": group,
                "fsGroup": user,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "securityContext": RESTRICTED,
                    "volumeMounts": [mount | {"subPath": mount["mountPath"][1:]} for mount in mounts],
                    **container,
                }
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        }
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": self.name, "labels": {"app": name}},
                "spec": pod,
            }
        )

    def serve(self, name: str, port: int) -> None:
        """A Service for the pod of that name."""
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name, "namespace": self.name},
                "spec": {"selector": {"app": name}, "ports": [{"port": port}]},
            }
        )

    def finish(self, name: str) -> str:
        """Wait until the pod has succeeded; what it said.

        Raises:
            Failed: with what it said, if it failed.
        """
        phase = self.wait_for(name, ("Succeeded", "Failed"))
        said = self.logs(name)
        if phase == "Failed":
            raise Failed(f"pod {name}: {said}")
        return said

    def wait_for(self, name: str, phases: Sequence[str]) -> str:
        """Wait until the pod is in one of these phases."""

        def there() -> str:
            status = self.pod(name)["status"]
            assert status.get("phase", "") in phases, json.dumps(status, indent=1)
            return str(status["phase"])

        return eventually(there, f"pod {name} is {phases}", timeout=PATIENCE_SECONDS, interval=LOOK)

    def said(self, name: str, text: str) -> str:
        """Wait until the pod has said this; the line."""

        def line() -> str:
            said = self.logs(name)
            lines = [line for line in said.splitlines() if text in line]
            assert lines, said
            return lines[0]

        return eventually(line, f"pod {name} says {text!r}", timeout=PATIENCE_SECONDS, interval=LOOK)

    def logs(self, name: str) -> str:
        """What the pod has said so far."""
        try:
            return kubectl("logs", "--namespace", self.name, name)
        except Failed:
            return ""

    def pod(self, name: str) -> Any:
        """The pod as the API shows it."""
        return json.loads(kubectl("get", "pod", "--namespace", self.name, name, "-o", "json"))

    def exec(self, name: str, *command: str) -> str:
        """Run a command in the pod."""
        return kubectl("exec", "--namespace", self.name, name, "--", *command)

    def remove(self, name: str) -> float:
        """Delete the pod; the seconds until it was gone."""
        began = time.monotonic()
        kubectl("delete", "pod", "--namespace", self.name, name)
        return time.monotonic() - began
