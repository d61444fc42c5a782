"""The SQL by which an end of jobs is told to webhooks: a part of the statement that ends them (protocol rule 38).

So a delivery exists exactly if the outcome does. Statements that end few jobs always have it; those that write the
outcomes of attempts have it only where the worker has heard that there are webhooks.
"""

from corral.webhook.event import DELIVERY_TYPE

ANY = "EXISTS (SELECT FROM corral.webhooks w WHERE w.enabled AND w.events <> '{}')"
"""SQL: whether any webhook is told of jobs."""
EVENT = """, j.priority AS event_priority, j.attempt AS event_attempt, j.life AS event_life, j.tags AS event_tags,
              j.created_at AS event_created_at, j.started_at AS event_started_at, j.finished_at AS event_finished_at,
              j.created_by AS event_created_by, j.error AS event_error"""
"""What `ended` has to return of its jobs `j`, beside id, queue, type and outcome."""
MAX_MESSAGE = 1_000
"""Characters of an error's message that are sent."""

# Version 7 (RFC 9562): the time, then what a random id of version 4 has behind its version. uuidv7() is Postgres 18's.
NEW_ID = """(lpad(to_hex((date_part('epoch', clock_timestamp()) * 1000)::int8), 12, '0') || '7'
            || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid"""


def _utc(column: str) -> str:
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


def told(ended: str) -> str:
    """The CTE that stores what webhooks are told of the rows of `ended`: of those that ended for good, which alone are events."""
    return f"""told_to_webhooks AS (
    INSERT INTO corral.webhook_deliveries (id, webhook, event, job, number, data)
    SELECT {NEW_ID}, w.name, 'job.' || e.outcome, e.id, e.event_life, jsonb_build_object(
        'id', e.id, 'type', e.type, 'queue', e.queue, 'priority', e.event_priority, 'state', e.outcome,
        'number', e.event_life, 'attempt', e.event_attempt, 'tags', coalesce(to_jsonb(e.event_tags), '[]'::jsonb),
        'created_at', {_utc("e.event_created_at")}, 'started_at', {_utc("e.event_started_at")},
        'finished_at', {_utc("e.event_finished_at")}, 'created_by', e.event_created_by,
        'error', CASE WHEN e.event_error IS NOT NULL THEN jsonb_build_object(
            'kind', e.event_error ->> 'kind', 'type', e.event_error ->> 'type',
            'message', left(e.event_error ->> 'message', {MAX_MESSAGE})) END)
    FROM {ended} e JOIN corral.webhooks w ON w.enabled AND 'job.' || e.outcome = ANY(w.events)
        AND (w.types IS NULL OR e.type = ANY(w.types)) AND (w.queues IS NULL OR e.queue = ANY(w.queues))
    WHERE e.type <> '{DELIVERY_TYPE}'
)"""
