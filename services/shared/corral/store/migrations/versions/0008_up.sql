-- Only expands.

-- `revision` rises with every write: a decision is stored only over the row that it was made from.
CREATE TABLE corral.schedules (
    name         text        NOT NULL,
    source       text        NOT NULL,
    version      text,
    declared     json        NOT NULL,
    overrides    json        NOT NULL DEFAULT '{}'::json,
    revision     bigint      NOT NULL DEFAULT 0,
    paused_at    timestamptz,
    paused_by    text,
    pause_note   text,
    deleted_at   timestamptz,
    deleted_by   text,
    last_tick    timestamptz NOT NULL DEFAULT now(),
    due_at       timestamptz,
    last_job     uuid,
    waiting      integer     NOT NULL DEFAULT 0,
    submitted    bigint      NOT NULL DEFAULT 0,
    missed       bigint      NOT NULL DEFAULT 0,
    missed_at    timestamptz,
    skipped      bigint      NOT NULL DEFAULT 0,
    refused      bigint      NOT NULL DEFAULT 0,
    problem      text,
    counted_from timestamptz NOT NULL DEFAULT now(),
    created_by   text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schedules_pkey PRIMARY KEY (name)
) WITH (fillfactor = 70);
-- The leader looks at these alone, every second.
CREATE INDEX schedules_due ON corral.schedules (due_at)
    WHERE due_at IS NOT NULL AND paused_at IS NULL AND deleted_at IS NULL;
CREATE INDEX schedules_waiting ON corral.schedules (name)
    WHERE waiting > 0 AND paused_at IS NULL AND deleted_at IS NULL;

-- One row per tick that was decided, whoever decided it: this is what keeps a tick from having two jobs.
CREATE TABLE corral.schedule_ticks (
    schedule     text        NOT NULL,
    tick         timestamptz NOT NULL,
    verdict      text        NOT NULL,
    origin       text        NOT NULL,
    reason       text,
    job          uuid,
    decided_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schedule_ticks_pkey PRIMARY KEY (schedule, tick)
);
CREATE INDEX schedule_ticks_waiting ON corral.schedule_ticks (schedule, tick) WHERE verdict = 'waiting';
CREATE INDEX schedule_ticks_age ON corral.schedule_ticks (tick);
