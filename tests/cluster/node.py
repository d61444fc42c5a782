"""A node whose parts the tests may stop, where there is one: for faults of the cluster itself, and for its conntrack."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.cluster.program import run
from tests.fixtures.leaks import MARK

ROOT = Path(__file__).resolve().parents[2]
BESIDE = ROOT.parent / "shared" / "cluster" / "cluster"


@dataclass(frozen=True)
class Node:
    """A one-node cluster on this machine, and the command that rules it."""

    command: str

    @classmethod
    def find(cls) -> Self | None:
        """The one that CORRAL_TEST_CLUSTER names, else the one beside the project, else none."""
        named = os.environ.get("CORRAL_TEST_CLUSTER") or (str(BESIDE) if BESIDE.is_file() else "")
        return cls(named) if named and os.geteuid() == 0 else None

    def environment(self) -> dict[str, str]:
        """KUBECONFIG and PATH that lead to it."""
        script = f'eval "$({self.command} env)"; printf "%s\\n" "$KUBECONFIG" "$PATH"'
        kubeconfig, path = run("bash", "-c", script).splitlines()
        return {"KUBECONFIG": kubeconfig, "PATH": path}

    def serves(self, kubeconfig: str) -> bool:
        """Whether that is the cluster that KUBECONFIG names."""
        return Path(kubeconfig) == Path(self.environment()["KUBECONFIG"])

    def kill(self, component: str) -> None:
        """As a crash would."""
        run(self.command, "kill", component)

    def start(self, component: str) -> None:
        """Again; nothing where it runs. It belongs to the cluster, so it does not inherit the mark of what tests start."""
        run("env", "-u", MARK, self.command, "start", component)

    def flows(self) -> list["Flow"]:
        """Every TCP and UDP flow that the node has seen and not forgotten."""
        lines = run("nsenter", "--net=/run/netns/corral-node", "conntrack", "-L").splitlines()
        return [flow for line in lines if (flow := Flow.of(line))]


@dataclass(frozen=True)
class Flow:
    """A connection as the pods at both ends see it: behind the Service's address, at the real port."""

    protocol: str
    source: str
    target: str
    port: int
    answered: bool

    @classmethod
    def of(cls, line: str) -> Self | None:
        """One line of `conntrack -L`: original direction, then the answer's, which names the real target."""
        ends = re.findall(r"src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)", line)
        protocol = next((word for word in line.split() if word in {"tcp", "udp"}), None)
        if protocol is None or len(ends) != 2:
            return None
        (source, *_), (target, _, port, _) = ends
        return cls(protocol, source, target, int(port), "[UNREPLIED]" not in line)
