"""The control group of the benchmark on half a core: it bounds who is started in it, is removed, and says why there is none."""

import sys
from pathlib import Path

import pytest
import yaml
from bench.measuring import pod
from bench.measuring.child import ROOT, Command, run
from bench.measuring.control_group import NoControlGroupError, control_group

SPIN = """\
import pathlib, time
began = time.process_time()
until = time.monotonic() + 1
while time.monotonic() < until: pass
print(time.process_time() - began, pathlib.Path("/proc/self/cgroup").read_text())
"""


def system(tmp_path: Path, mounts: str, own: str) -> Path:
    """A folder as /proc/self is, of a process that sees these mounts and is in this group."""
    process = tmp_path / "self"
    process.mkdir()
    (process / "mounts").write_text(mounts)
    (process / "cgroup").write_text(own)
    return process


def test_a_process_of_the_group_is_in_it_and_the_group_is_removed_or_it_is_said_why_there_is_none():
    why = ""
    try:
        with control_group(0.1, 256 * 2**20) as group:
            inside = group.inside(Command([sys.executable, "-I", "-S", "-c", SPIN]))
            used, shown = run(inside).split(maxsplit=1)
            assert group.folder.name in shown
            assert float(used) < 0.2, "a tenth of a core, for a second"
    except NoControlGroupError as error:  # a system without, or not root
        why = str(error)
    assert len(why.split()) > 3 or not group.folder.exists()


def test_the_nearest_group_that_hands_both_on_is_taken_and_nothing_in_it_is_changed(tmp_path):
    root = tmp_path / "groups"
    (root / "slice" / "own").mkdir(parents=True)
    for folder, hands_on in (
        (root, "cpu memory"),
        (root / "slice", "memory cpu io"),
        (root / "slice/own", "cpu"),
    ):
        (folder / "cgroup.subtree_control").write_text(hands_on)
    process = system(tmp_path, f"cgroup2 {root} cgroup2 rw 0 0\n", "0::/slice/own\n")
    found = []
    with pytest.raises(RuntimeError, match="can be removed"), control_group(0.5, 1000, process, 0.2) as group:
        found = [(group.folder / name).read_text() for name in ("cpu.max", "memory.max")]
    assert found == ["50000 100000", "1000"]
    assert group.bounds_memory
    assert group.folder.parent == root / "slice"
    assert (root / "slice" / "cgroup.subtree_control").read_text() == "memory cpu io"


def test_where_nobody_hands_the_processor_on_it_is_said(tmp_path):
    root = tmp_path / "groups"
    root.mkdir()
    (root / "cgroup.subtree_control").write_text("memory")
    process = system(tmp_path, f"cgroup2 {root} cgroup2 rw 0 0\n", "0::/\n")
    said = "hands the processor and memory on"
    with pytest.raises(NoControlGroupError, match=said), control_group(0.5, 1000, process):
        pass


def test_a_folder_that_takes_no_group_is_named(tmp_path):
    process = system(tmp_path, f"cgroup {tmp_path}/gone cgroup rw,cpu 0 0\n", "3:cpu:/here\n0::/\n")
    said = "gone/here takes no new group: No such file"
    with pytest.raises(NoControlGroupError, match=said), control_group(0.5, 1000, process):
        pass


def test_the_bounds_are_those_of_the_charts_pod():
    values = yaml.safe_load((ROOT / "charts" / "corral" / "values.yaml").read_text())
    resources = values["poolDefaults"]["resources"]
    assert resources["limits"]["memory"] == f"{pod.MEMORY_MIB}Mi"
    assert resources["requests"]["memory"] == f"{pod.REQUESTED_MIB}Mi"
