-- Only expands: the release before this one knows of no webhooks, and reads and writes no such table.

CREATE TABLE corral.webhooks (
    name            text        NOT NULL,
    url             text        NOT NULL,
    format          text        NOT NULL,
    events          text[]      NOT NULL,
    types           text[],
    queues          text[],
    description     text        NOT NULL DEFAULT '',
    enabled         boolean     NOT NULL DEFAULT true,
    disabled_at     timestamptz,
    disabled_by     text,
    disabled_reason text,
    failing_since   timestamptz,
    failures        integer     NOT NULL DEFAULT 0,
    last_success_at timestamptz,
    last_failure_at timestamptz,
    last_error      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      text        NOT NULL,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhooks_pkey PRIMARY KEY (name)
);

-- Apart from the webhooks, so that who looks at those sees none.
CREATE TABLE corral.webhook_secrets (
    webhook    text        NOT NULL,
    id         uuid        NOT NULL,
    secret     text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    CONSTRAINT webhook_secrets_pkey PRIMARY KEY (webhook, id)
);

CREATE TABLE corral.webhook_deliveries (
    id              uuid        NOT NULL,
    webhook         text        NOT NULL,
    event           text        NOT NULL,
    job             uuid,
    number          integer,
    data            jsonb       NOT NULL,
    status          text        NOT NULL DEFAULT 'pending',
    sent_by         uuid,
    attempts        integer     NOT NULL DEFAULT 0,
    last_attempt_at timestamptz,
    last_status     integer,
    last_error      text,
    delivered_at    timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id)
);
-- The leader's look for those that no job sends yet.
CREATE INDEX webhook_deliveries_waiting ON corral.webhook_deliveries (id) WHERE sent_by IS NULL AND status = 'pending';
-- The deliveries of a webhook, newest first; replays since a time.
CREATE INDEX webhook_deliveries_of_webhook ON corral.webhook_deliveries (webhook, id);
-- The deliveries about a job.
CREATE INDEX webhook_deliveries_of_job ON corral.webhook_deliveries (job) WHERE job IS NOT NULL;
