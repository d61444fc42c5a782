"""What parts of the benchmarks found is kept, a part at a time."""

from dataclasses import replace
from pathlib import Path

from bench.goal import Goal
from bench.page import Results, markdown
from bench.section import Section, Table

MACHINE = {"Processor": "one", "Load of the machine at the start": "0.1"}


def section(value: float) -> Section:
    table = Table(("Part", "ms"), (("all", f"{value}"),))
    return Section("Idle", "A part.", (table,), (Goal("idle", value, "<=", 2.0, "ms"),))


def test_a_part_takes_the_place_of_what_it_found_before_and_the_others_stay(tmp_path: Path):
    kept = tmp_path / "bench.json"
    assert Results.earlier(kept) is None
    Results("2030-01-01", False, MACHINE, {"http": section(1.0), "idle": section(3.0)}).save(kept)
    now = Results(
        "2030-01-02", False, MACHINE | {"Load of the machine at the start": "0.4"}, {"idle": section(1.5)}
    )
    both = now.beside(Results.earlier(kept), ("idle", "limits", "http"))
    assert (both.day, [*both.sections], both.sections["idle"]) == (
        "2030-01-02",
        ["idle", "http"],
        section(1.5),
    )
    both.save(kept)
    assert Results.load(kept) == both
    assert "| `idle` |   1.5 ms | <= 2 ms | met |" in markdown(both)


def test_results_of_another_machine_or_kind_are_not_mixed(tmp_path: Path):
    earlier = Results("2030-01-01", False, MACHINE, {"http": section(1.0)})
    now = replace(earlier, sections={"idle": section(1.0)})
    assert [*now.beside(earlier, ("http", "idle")).sections] == ["http", "idle"]
    assert now.beside(replace(earlier, quick=True), ("http", "idle")) == now
    assert now.beside(replace(earlier, machine=MACHINE | {"Processor": "two"}), ("http", "idle")) == now
    old = tmp_path / "bench.json"
    old.write_text('{"day": "2029-01-01", "quick": false, "machine": {}, "sections": []}')
    assert Results.earlier(old) is None
