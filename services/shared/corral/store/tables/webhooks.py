"""Webhooks, their secrets, and what is sent to them."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from corral.store.tables.column import TIME, holds, moment, needed, serves


def webhooks(tables: MetaData) -> None:
    """Define the tables of webhooks."""
    _webhooks(tables)
    _secrets(tables)
    _deliveries(tables)


def _webhooks(tables: MetaData) -> None:
    Table(
        "webhooks",
        tables,
        needed("name", Text, doc="Its name."),
        needed("url", Text, doc="Where requests are sent. That of Slack or Teams is a secret."),
        needed("format", Text, doc="standard, slack or teams."),
        needed("events", ARRAY(Text), doc="What it is told of: job.completed, job.failed, job.cancelled."),
        Column("types", ARRAY(Text), doc="Only of jobs of these types; null: of all."),
        Column("queues", ARRAY(Text), doc="Only of jobs of these queues; null: of all."),
        needed("description", Text, "''", doc="What it is for."),
        needed("enabled", Boolean, "true", doc="Whether it is told anything."),
        Column("disabled_at", TIME, doc="When it was disabled; null: it is enabled."),
        Column("disabled_by", Text, doc="Who disabled it; `corral` where its endpoint failed or is gone."),
        Column("disabled_reason", Text, doc="Why."),
        Column("failing_since", TIME, doc="The first failure after the last success; null: none since."),
        needed("failures", Integer, "0", doc="Requests that failed since then."),
        Column("last_success_at", TIME, doc="When a request last succeeded, to the minute."),
        Column("last_failure_at", TIME, doc="When one last failed."),
        Column("last_error", Text, doc="Why."),
        moment("created_at", doc="When it was made."),
        needed("created_by", Text, doc="Who made it."),
        moment("updated_at", doc="When a person changed it last."),
        PrimaryKeyConstraint("name", name="webhooks_pkey", info=serves("A webhook by its name; lists.")),
        info=holds("Endpoints of other systems that are told how jobs ended."),
    )


def _secrets(tables: MetaData) -> None:
    Table(
        "webhook_secrets",
        tables,
        needed("webhook", Text, doc="The webhook."),
        needed("id", Uuid, doc="UUID version 7: newer ones are greater."),
        needed("secret", Text, doc="The key that signs, as `whsec_…`."),
        moment("created_at", doc="When it was made."),
        Column("expires_at", TIME, doc="Until when it signs beside a newer one; null: it is the newest."),
        PrimaryKeyConstraint(
            "webhook", "id", name="webhook_secrets_pkey", info=serves("The secrets of a webhook.")
        ),
        info=holds("The secrets by which requests to webhooks are signed."),
    )


def _deliveries(tables: MetaData) -> None:
    deliveries = Table(
        "webhook_deliveries",
        tables,
        needed("id", Uuid, doc="UUID version 7; the `webhook-id` of every request for it."),
        needed("webhook", Text, doc="The webhook."),
        needed("event", Text, doc="job.completed, job.failed, job.cancelled or webhook.test."),
        Column("job", Uuid, doc="The job that ended; null for a test."),
        Column("number", Integer, doc="Of the job's ends this is the first, second …: its `life`."),
        needed("data", JSONB, doc="What is told of the job, as it was when it ended."),
        needed(
            "status",
            Text,
            "'pending'",
            doc="pending, delivered, failed, or skipped: the webhook was disabled.",
        ),
        Column("sent_by", Uuid, doc="The job that sends it; null: the leader has not made one yet."),
        needed("attempts", Integer, "0", doc="Requests so far."),
        Column("last_attempt_at", TIME, doc="When the last one was sent."),
        Column("last_status", Integer, doc="The HTTP status of its answer; null: none came."),
        Column("last_error", Text, doc="Why it failed; null: it did not."),
        Column("delivered_at", TIME, doc="When the endpoint took it."),
        moment("created_at", doc="When the job ended; the message's timestamp."),
        PrimaryKeyConstraint("id", name="webhook_deliveries_pkey", info=serves("One delivery.")),
        info=holds(
            "What is sent to webhooks: inserted by the statement that ends the job (protocol rule 38)."
        ),
    )
    Index(
        "webhook_deliveries_waiting",
        deliveries.c.id,
        postgresql_where=text("sent_by IS NULL AND status = 'pending'"),
        info=serves("The leader's look for those that no job sends yet."),
    )
    Index(
        "webhook_deliveries_of_webhook",
        deliveries.c.webhook,
        deliveries.c.id,
        info=serves("The deliveries of a webhook, newest first; replays since a time."),
    )
    Index(
        "webhook_deliveries_of_job",
        deliveries.c.job,
        postgresql_where=text("job IS NOT NULL"),
        info=serves("The deliveries about a job."),
    )
