"""Everything that can be asked about jobs: pages, lists, filters and statistics, as requests."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import psycopg

from bench.history.rows import OLD_TAG
from corral.job.state import State

API = "/api/v1"
LIVE = ("blocked", "scheduled", "queued", "running")


@dataclass(frozen=True)
class Question:
    """One request."""

    path: str
    html: bool

    @property
    def shown(self) -> str:
        """Short enough for a table."""
        return f"{'page' if self.html else 'API'} {self.path.removeprefix(API)}"


def questions(dsn: str) -> list[Question]:
    """All of them; the database tells where the middle and the end of the list are."""
    with psycopg.connect(dsn) as connection:
        at = f"{int((datetime.now(UTC) - timedelta(days=15)).timestamp() * 1000):012x}"
        middle = f"{at}70008000000000000000"
        end, failed, reported = (
            _one(connection, statement)
            for statement in (
                "SELECT id FROM corral.jobs ORDER BY id OFFSET 60 LIMIT 1",
                "SELECT id FROM corral.jobs WHERE state = 'failed' ORDER BY id LIMIT 1",
                "SELECT job FROM corral.artifacts LIMIT 1",
            )
        )
    lists = [f"?{urlencode(one, doseq=True)}" if one else "" for one in _filters(middle, end)]
    about = [f"/jobs/{failed}", f"/jobs/{reported}"]
    return [
        *(Question(path, html=True) for path in ("/", "/queues", "/workers", "/pools", *about)),
        *(Question(f"/jobs{query}", html=True) for query in lists),
        *(Question(f"{API}/jobs{query}", html=False) for query in lists),
        *(Question(f"{API}{path}", html=False) for path in _others(failed, reported)),
    ]


def _filters(middle: str, end: str) -> Iterator[dict[str, object]]:
    yield {}
    yield {"cursor": middle}
    yield {"cursor": end}
    yield from ({"state": state.value} for state in State)
    yield {"state": LIVE}
    yield {"state": ["completed", "failed", "cancelled"]}
    yield {"state": "completed", "cursor": middle}
    yield from ({"type": name} for name in ("mail.send", "night.close", "never.seen"))
    yield from ({"queue": name} for name in ("mail", "night", "unknown"))
    yield {"queue": "mail", "type": "mail.digest", "state": "failed"}
    yield {"type": "rows.import", "cursor": end}
    yield from ({"tag": tag} for tag in ("monthly", "customer-73", OLD_TAG, "never"))
    yield {"tag": "monthly", "state": LIVE}
    yield {"tag": "monthly", "state": "failed"}
    yield {"tag": OLD_TAG, "state": LIVE}
    yield {"tag": OLD_TAG, "type": "night.close"}
    yield from ({"search.customer": f"customer-{number}"} for number in (76, 77))
    yield {"search.customer": "customer-76", "state": "failed"}
    yield {"search.customer": "customer-76", "tag": "monthly"}
    yield from ({"error": text} for text in ("upstream", "customer-1701", "never happened"))
    yield {"error": "never happened", "type": "night.close"}
    yield {"error": "never happened", "queue": "night", "state": "failed"}
    now = datetime.now(UTC)
    ago = {days: f"{now - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (1, 10, 20, 21)}
    yield {"created_after": ago[1]}
    yield {"created_before": ago[20]}
    yield {"created_after": ago[21], "created_before": ago[20], "state": "failed"}
    yield {"created_after": ago[21], "created_before": ago[20], "queue": "mail", "state": "completed"}
    yield {"created_after": ago[21], "created_before": ago[20], "tag": OLD_TAG}
    yield {"created_after": ago[21], "created_before": ago[20], "error": "never happened"}
    yield {"created_before": ago[10], "type": "night.close"}


def _others(failed: str, reported: str) -> Iterator[str]:
    yield from (f"/stats{window}" for window in ("", "?window=60", "?window=86000", "?window=2592000"))
    yield from ("/queues", "/queues/mail", "/types", "/workers", "/pools")
    yield from (f"/jobs/{failed}{part}" for part in ("", "/attempts", "/logs", "/why"))
    yield from (f"/jobs/{reported}{part}" for part in ("", "/artifacts"))


def _one(connection: psycopg.Connection, statement: str) -> str:
    row = connection.execute(statement).fetchone()  # type: ignore[arg-type]  # ours
    assert row is not None
    return str(row[0])
