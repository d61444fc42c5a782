"""The example of a handler of batches, called as its own tests would."""

import runpy
import sqlite3
from contextlib import closing
from pathlib import Path

from corral.errors import Discard
from corral_testing.batch import batch

ROOT = Path(__file__).resolve().parents[3]


def test_readings_are_stored_together_and_a_bad_one_fails_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("READINGS", str(tmp_path / "readings.db"))
    example = runpy.run_path(str(ROOT / "examples/batches/readings.py"))
    store, reading = example["store"], example["Reading"]
    jobs, said = batch(
        store, [reading(sensor=name, at="12:00", value=value) for name, value in (("a", 20), ("b", -300))]
    )
    jobs[0].context.progress(50, "half")
    assert store(jobs) is None
    assert said.of[jobs[0].id].progress == [(50, "half")]
    assert list(said.outcomes) == [jobs[1].id]
    assert isinstance(said.outcomes[jobs[1].id], Discard)
    with closing(sqlite3.connect(tmp_path / "readings.db")) as database:
        rows = database.execute("SELECT sensor, value FROM readings").fetchall()
    assert rows == [("a", 20.0)]
