"""Making artifacts visible: the statements that run inside other transactions."""

from collections.abc import Sequence
from uuid import UUID

from corral.job.state import State
from corral.store.postgres.database import Params
from corral.store.postgres.sql_params import array

# A name is published once per job: what an earlier attempt published under it steps back, and is swept.
WITHDRAW = """
UPDATE corral.artifacts old SET published_at = NULL
FROM corral.artifacts new JOIN corral.jobs j ON j.id = new.job
WHERE new.id = ANY(%(artifacts)s::uuid[]) AND new.published_at IS NULL AND new.size IS NOT NULL
  AND j.attempt = new.attempt AND j.state = %(state)s
  AND old.job = new.job AND old.name = new.name AND old.id <> new.id AND old.published_at IS NOT NULL
"""

PUBLISH = """
UPDATE corral.artifacts a SET published_at = now()
FROM corral.jobs j
WHERE a.id = ANY(%(artifacts)s::uuid[]) AND a.published_at IS NULL AND a.size IS NOT NULL
  AND j.id = a.job AND j.attempt = a.attempt AND j.state = %(state)s
RETURNING a.id
"""


def publishing(artifacts: Sequence[UUID], state: State) -> list[tuple[str, Params]]:
    """The steps that publish artifacts of attempts that are their job's own, in this state."""
    params: Params = {"artifacts": array(artifacts), "state": state.value}
    return [(WITHDRAW, params), (PUBLISH, params)]
