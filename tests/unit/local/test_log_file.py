"""A log is kept short without losing a line that its writer wrote."""

import os

from corral_local.processes.log_file import TAIL, LogFile


def test_a_long_log_is_set_aside_while_its_writer_goes_on(tmp_path):
    log = LogFile(tmp_path / "worker.log", rotate_bytes=100)
    with log.appending() as descriptor:
        os.write(descriptor, b"a" * 101)
        assert log.rotate()
        os.write(descriptor, b"after")
    assert (tmp_path / "worker.log").read_bytes() == b"after"
    assert (tmp_path / "worker.log.1").read_bytes() == b"a" * 101
    assert not log.rotate()


def test_two_older_logs_are_kept(tmp_path):
    log = LogFile(tmp_path / "worker.log", rotate_bytes=100)
    for letter in (b"a", b"b", b"c"):
        with log.appending() as descriptor:
            os.write(descriptor, letter * 101)
        log.rotate()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["worker.log", "worker.log.1", "worker.log.2"]
    assert (tmp_path / "worker.log.1").read_bytes()[:1] == b"c"
    assert (tmp_path / "worker.log.2").read_bytes()[:1] == b"b"


def test_the_tail_is_of_the_last_run_and_never_long(tmp_path):
    log = LogFile(tmp_path / "worker.log", rotate_bytes=100)
    assert log.tail() == ""
    (tmp_path / "worker.log").write_text("of an earlier run\n")
    since = log.size()
    with log.appending() as descriptor:
        os.write(descriptor, b"of this run\n")
    assert log.tail(since) == "of this run"
    (tmp_path / "worker.log").write_text("x" * 3 * TAIL)
    assert len(log.tail()) == TAIL
    assert log.tail(since=10**9).startswith("x")  # it was set aside since
