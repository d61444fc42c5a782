"""The cluster of `make kind-up`: valid to kind itself, and its ports are those of the values."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
DOCKER = r"""#!/bin/sh
# Enough of Docker for kind to come past its configuration.
case "$1" in
  info) echo '{"CgroupVersion":"2","MemoryLimit":true,"PidsLimit":true,"CPUShares":true,"SecurityOptions":[]}' ;;
  version) echo 28.0.0 ;;
  ps) ;;
  *) exit 1 ;;
esac
"""
STUB = r"""#!/bin/sh
echo "$(basename "$0") $* [$DOCKER_BUILDKIT $BUILDX_NO_DEFAULT_ATTESTATIONS]" >>"$CALLS"
case "$(basename "$0") $*" in
  "docker image inspect"*) echo sha256:0123456789abcdef0123456789abcdef ;;
  "kind get clusters") echo $CLUSTERS ;;
  "kind create"*) exit 1 ;;
  "kubectl"*"get secret"*) echo Y29ycmFsX2tleQ== ;;
esac
"""
"""Stands for docker, kind, kubectl, helm and curl: notes how it was called, and succeeds."""


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


@pytest.fixture
def stub(tmp_path):
    """A folder that goes first on PATH."""
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    return docker.parent


def create(stub: Path, config: Path) -> str:
    done = subprocess.run(
        ["kind", "create", "cluster", "--config", config],
        env={**os.environ, "PATH": f"{stub}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_there_are_one_control_plane_and_two_workers():
    roles = [node["role"] for node in read("kind-config.yaml")["nodes"]]
    assert sorted(roles) == ["control-plane", "worker", "worker"]


def test_the_mapped_port_is_the_publishers_node_port_and_the_address_that_people_are_told():
    mappings = [
        mapping for node in read("kind-config.yaml")["nodes"] for mapping in node.get("extraPortMappings", [])
    ]
    publisher = read("k8s/kind/values.yaml")["publisher"]
    assert [one["containerPort"] for one in mappings] == [publisher["service"]["nodePort"]]
    assert publisher["service"]["type"] == "NodePort"
    assert [f"http://localhost:{one['hostPort']}" for one in mappings] == [publisher["publicUrl"]]
    assert f"url={publisher['publicUrl']}\n" in (ROOT / "k8s" / "kind" / "up").read_text()
    assert all(one["listenAddress"] == "127.0.0.1" for one in mappings)


@pytest.mark.needs("kind", shutil.which("kind") is not None, "https://kind.sigs.k8s.io")
def test_kind_accepts_the_configuration(stub, tmp_path):
    assert 'Creating cluster "corral"' in create(stub, ROOT / "kind-config.yaml")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text((ROOT / "kind-config.yaml").read_text().replace("hostPort", "hostPorts"))
    assert "Creating cluster" not in create(stub, wrong)


def test_without_its_tools_kind_up_says_what_is_missing_and_where_to_get_it(tmp_path):
    needed = tmp_path / "bin"
    needed.mkdir()
    for name in ("bash", "dirname", "env"):
        (needed / name).symlink_to(shutil.which(name) or f"/usr/bin/{name}")
    done = subprocess.run(
        [ROOT / "k8s" / "kind" / "up"], env={"PATH": str(needed)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    for name in ("docker", "kind", "kubectl", "helm", "curl"):
        assert f"missing: {name} (https://" in done.stderr


def kind_up(tmp_path: Path, clusters: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """How it ended among stubs, and what it called."""
    stubs, calls = tmp_path / "bin", tmp_path / "calls"
    stubs.mkdir()
    for name in ("docker", "kind", "kubectl", "helm", "curl"):
        (stubs / name).write_text(STUB)
        (stubs / name).chmod(0o755)
    done = subprocess.run(
        [ROOT / "k8s" / "kind" / "up"],
        env={"PATH": f"{stubs}:{os.environ['PATH']}", "CALLS": str(calls), "CLUSTERS": clusters},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, calls.read_text()


def test_kind_up_brings_images_named_after_their_contents(tmp_path):
    done, calls = kind_up(tmp_path, "corral")
    assert done.returncode == 0, done.stderr
    assert "Key    corral_key" in done.stdout
    builds = [line for line in calls.splitlines() if line.startswith("docker build")]
    assert len(builds) == 4
    assert all(line.endswith("[1 1]") for line in builds), (
        "BuildKit, and nothing in the image that only says when"
    )
    tag = "kind-0123456789ab"
    tags = {
        "publisher": tag,
        "worker": f"{tag}-0123456789ab",
        "worker-cpu": f"{tag}-0123456789ab",
        "operator": tag,
    }
    names = [f"corral-{image}:{tag}" for image, tag in tags.items()]
    assert f"kind load docker-image --name corral {' '.join(names)} " in calls
    helm = next(line for line in calls.splitlines() if line.startswith("helm "))
    for key, image in {"publisher": "publisher", "poolDefaults": "worker", "operator": "operator"}.items():
        assert f"--set {key}.image.tag={tags[image]} " in f"{helm} "


def test_kind_up_says_that_the_port_is_taken_before_it_makes_a_cluster(tmp_path):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # taken already: that serves as well
            listener.bind(("127.0.0.1", 8080))
            listener.listen()
        done, calls = kind_up(tmp_path, "")
    assert done.returncode == 2
    assert "something else listens at http://localhost:8080" in done.stderr
    assert "kind create" not in calls


def test_the_scripts_pass_shellcheck():
    scripts = [ROOT / "k8s" / "build", *(ROOT / "k8s" / "kind" / name for name in ("up", "down"))]
    done = subprocess.run(
        [Path(sys.executable).parent / "shellcheck", *scripts], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
