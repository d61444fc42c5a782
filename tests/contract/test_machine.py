"""The store and the fake, side by side, through whatever Hypothesis thinks of."""

import asyncio

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.contract.subjects import of_fake, of_store

from corral_testing.machine import StoreMachine
from corral_testing.subject import Subject

EMPTY = """TRUNCATE corral.jobs, corral.attempts, corral.workers, corral.queues, corral.leases, corral.audit,
    corral.job_stats, corral.job_stats_deltas, corral.job_stats_rollups, corral.job_counts, corral.job_count_deltas"""
EXAMPLES = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking against a database takes minutes
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_store_and_the_fake_always_agree(database_url: str) -> None:
    with asyncio.Runner() as runner:
        opened = of_store(database_url)
        subject = runner.run(opened.__aenter__())

        class Machine(StoreMachine):
            async def emptied(self) -> tuple[Subject, Subject]:
                await subject.store.database.run(EMPTY)
                return subject, of_fake()

        Machine.runner = runner
        try:
            run_state_machine_as_test(Machine, settings=EXAMPLES)
        finally:
            runner.run(opened.__aexit__(None, None, None))
