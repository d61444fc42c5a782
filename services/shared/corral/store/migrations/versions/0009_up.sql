-- Only expands. An upload is an artifact without a job. It counts as published from its first byte on, so that the
-- sweep of the release before this one, which takes what is unpublished and of no running attempt, leaves it alone.

ALTER TABLE corral.artifacts ALTER COLUMN job DROP NOT NULL;

CREATE TABLE corral.uploads (
    id         uuid        NOT NULL,
    created_by text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT uploads_pkey PRIMARY KEY (id)
);
-- Those that are over, oldest first.
CREATE INDEX uploads_expiry ON corral.uploads (expires_at);
