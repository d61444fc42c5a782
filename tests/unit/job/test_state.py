"""The table of states holds what the protocol promises, whatever path a job takes."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from corral.job.state import TERMINAL, TRANSITIONS, Event, State, Writer, allowed


def test_every_state_can_be_reached_from_a_submission():
    reached = {row.after for row in TRANSITIONS if row.before is None}
    while True:
        further = {row.after for row in TRANSITIONS if row.before in reached}
        if further <= reached:
            break
        reached |= further
    assert reached == set(State)


def test_every_state_that_is_not_terminal_can_end():
    ends = set(TERMINAL)
    while True:
        further = {row.before for row in TRANSITIONS if row.after in ends and row.before is not None}
        if further <= ends:
            break
        ends |= further
    assert ends == set(State)


def test_only_a_person_starts_a_new_life():
    for row in TRANSITIONS:
        if row.before in TERMINAL:
            assert row.event is Event.RETRIED
            assert row.after is State.QUEUED
            assert row.writers == {Writer.ACTION}


def test_exactly_the_writes_about_running_jobs_are_fenced():
    assert {row.before for row in TRANSITIONS if row.fenced} == {State.RUNNING}


def test_only_a_worker_claims_and_only_from_queued():
    claims = [row for row in TRANSITIONS if row.event is Event.CLAIMED]
    assert [(row.before, row.after, row.writers) for row in claims] == [
        (State.QUEUED, State.RUNNING, {Writer.WORKER})
    ]


def test_maintenance_never_completes_a_job():
    assert not any(row.after is State.COMPLETED and Writer.MAINTENANCE in row.writers for row in TRANSITIONS)


def test_a_transition_that_is_not_in_the_table_is_refused():
    assert allowed(State.COMPLETED, Event.CLAIMED, Writer.WORKER) == frozenset()
    assert allowed(State.RUNNING, Event.SUCCEEDED, Writer.MAINTENANCE) == frozenset()


class Walk(RuleBasedStateMachine):
    """Any walk through the table: claims and terminal transitions alternate as promised."""

    def __init__(self):
        super().__init__()
        self.state: State | None = None
        self.attempt = 0
        self.life = 0
        self.ended_in: set[int] = set()

    @rule(data=st.data())
    def step(self, data):
        rows = [row for row in TRANSITIONS if row.before is self.state]
        row = data.draw(st.sampled_from(rows))
        if row.event is Event.CLAIMED:
            self.attempt += 1
        if row.event is Event.RETRIED:
            self.life += 1
        if row.after in TERMINAL:
            assert self.life not in self.ended_in, "a life ended twice"
            self.ended_in.add(self.life)
        self.state = row.after

    @precondition(lambda self: self.state is State.RUNNING)
    @invariant()
    def what_runs_was_claimed(self):
        assert self.attempt >= 1

    @precondition(lambda self: self.state is not None)
    @invariant()
    def a_job_is_live_or_terminal(self):
        assert self.state.live != self.state.terminal
        assert self.state.terminal == (self.life in self.ended_in)


TestWalk = Walk.TestCase
