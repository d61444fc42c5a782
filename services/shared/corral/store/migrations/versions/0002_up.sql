-- Only expands: the release before this one drains without a name, and knows of no decisions and no defaults.

-- Whoever drains a worker may lift that drain, and nobody else's. Nothing where a person of the release before did.
ALTER TABLE corral.workers ADD COLUMN drained_by text;

CREATE TABLE corral.scaling_decisions (
    id              uuid             NOT NULL,
    pool            text             NOT NULL,
    at              timestamptz      NOT NULL,
    before          integer          NOT NULL,
    after           integer          NOT NULL,
    needed          integer          NOT NULL,
    ready           integer          NOT NULL,
    reason          text             NOT NULL,
    conditions      text[]           NOT NULL,
    backlog_jobs    bigint           NOT NULL,
    backlog_seconds double precision NOT NULL,
    oldest_seconds  double precision NOT NULL,
    CONSTRAINT scaling_decisions_pkey PRIMARY KEY (id)
);
-- The decisions about one pool, newest first: ids are in order of time.
CREATE INDEX scaling_decisions_pool ON corral.scaling_decisions (pool, id);

-- What an operator sets for a queue where its job types say nothing, by option.
ALTER TABLE corral.queues ADD COLUMN defaults jsonb NOT NULL DEFAULT '{}';
