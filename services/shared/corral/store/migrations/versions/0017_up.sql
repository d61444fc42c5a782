-- Only expands: the release before this one knows of no providers, and reads and writes no such table.

CREATE TABLE corral.providers (
    name      text        NOT NULL,
    declared  jsonb       NOT NULL DEFAULT '{}'::jsonb,
    version   text        NOT NULL DEFAULT '',
    overrides jsonb       NOT NULL DEFAULT '{}'::jsonb,
    set_by    text,
    reason    text,
    set_at    timestamptz NOT NULL DEFAULT now(),
    parked_until timestamptz,
    arrivals     double precision[] NOT NULL DEFAULT '{}',
    day_from     double precision[] NOT NULL DEFAULT '{}',
    day_requests double precision[] NOT NULL DEFAULT '{}',
    day_bytes    double precision[] NOT NULL DEFAULT '{}',
    CONSTRAINT providers_pkey PRIMARY KEY (name)
);

CREATE TABLE corral.provider_answers (
    digest     text        NOT NULL,
    provider   text        NOT NULL,
    body       bytea       NOT NULL,
    fetched_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT provider_answers_pkey PRIMARY KEY (digest)
);
-- Answers that are too old to be shared.
CREATE INDEX provider_answers_age ON corral.provider_answers (fetched_at);
