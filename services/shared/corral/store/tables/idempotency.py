"""Requests that carry an idempotency key, and the jobs that came of them."""

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, PrimaryKeyConstraint, Table, Text, Uuid

from corral.store.tables.column import TIME, holds, moment, needed, serves


def idempotency(tables: MetaData) -> None:
    """Define the tables of requests with idempotency keys."""
    keys = Table(
        "idempotency_keys",
        tables,
        needed("caller", Text, doc="Who sent it: each caller has keys of its own."),
        needed("key", Text, doc="The key, as the caller chose it."),
        needed(
            "digest",
            LargeBinary,
            doc="SHA-256 of what was asked for: the same key with another request is refused.",
        ),
        moment("created_at", doc="When the first request with it was stored."),
        needed(
            "expires_at", TIME, doc="From then on it may be used for another request, if its jobs have ended."
        ),
        PrimaryKeyConstraint(
            "caller", "key", name="idempotency_keys_pkey", info=serves("Every submission that carries a key.")
        ),
        info=holds("Keys under which a request is stored only once, however often it is sent."),
    )
    Index(
        "idempotency_keys_expiry",
        keys.c.expires_at,
        info=serves("The sweep of keys that are over, oldest first."),
    )
    jobs = Table(
        "idempotency_jobs",
        tables,
        needed("caller", Text, doc="As in `idempotency_keys`."),
        needed("key", Text, doc="As in `idempotency_keys`."),
        needed("position", Integer, doc="Where it was in the request, from 0."),
        needed("job", Uuid, doc="The job."),
        Column("state", Text, doc="How the job had ended when it was removed; null as long as it is there."),
        PrimaryKeyConstraint(
            "caller",
            "key",
            "position",
            name="idempotency_jobs_pkey",
            info=serves("The jobs of one key, in the order of the request."),
        ),
        info=holds("The jobs that came of a request with a key."),
    )
    Index(
        "idempotency_jobs_job",
        jobs.c.job,
        info=serves("Retention leaves the state of a job that it removes here."),
    )
