-- Only expands. Jobs without limits have NULL in all of it, and no entry in any new index. The release before this
-- one takes limited jobs that wait for blocked ones: it neither claims nor counts them as queued, and can cancel them.
-- The indexes over limited jobs are built once this is committed: see `settling`.

ALTER TABLE corral.jobs
    ADD COLUMN limit_group uuid,
    ADD COLUMN limits      text[],
    ADD COLUMN costs       double precision[],
    ADD COLUMN snoozes     integer NOT NULL DEFAULT 0;

-- What code declared. An older version never replaces a newer one.
CREATE TABLE corral.limits (
    name          text        NOT NULL,
    declared      jsonb       NOT NULL,
    version       text        NOT NULL,
    declared_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT limits_pkey PRIMARY KEY (name)
);

-- What an operator set over it, for one key or, with the key '', for the whole limit.
CREATE TABLE corral.limit_overrides (
    limit_name text        NOT NULL,
    key        text        NOT NULL,
    overrides  jsonb       NOT NULL DEFAULT '{}'::jsonb,
    paused_at  timestamptz,
    set_by     text        NOT NULL,
    reason     text,
    set_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT limit_overrides_pkey PRIMARY KEY (limit_name, key)
);

-- What is in use. The total of a limit is a row, and each of its keys is one, while something uses it. Each claim and
-- each end of an attempt writes it: room for the new versions on the same page.
CREATE TABLE corral.limit_keys (
    name         text             NOT NULL,
    limit_name   text             NOT NULL,
    key          text             NOT NULL,
    in_use       double precision NOT NULL DEFAULT 0,
    parked_until timestamptz,
    probe        uuid,
    taken_at     timestamptz[],
    taken        double precision[],
    tokens       double precision,
    refilled_at  timestamptz,
    CONSTRAINT limit_keys_pkey PRIMARY KEY (name)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX limit_keys_limit ON corral.limit_keys (limit_name, key);
