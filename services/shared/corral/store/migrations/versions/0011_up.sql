-- Only expands: the release before this one knows of no effects, and reads and writes no such table.

-- Begin and end of what a job must not do twice. They survive its lives, and are removed with it.
CREATE TABLE corral.effects (
    job        uuid        NOT NULL,
    name       text        NOT NULL,
    attempt    integer     NOT NULL,
    token      uuid        NOT NULL,
    began_at   timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    receipt    json,
    settled_by text,
    CONSTRAINT effects_pkey PRIMARY KEY (job, name)
);
