-- Only expands: the release before this one knows nothing of this table. A recount of its leader does not see these slots.

CREATE TABLE corral.limit_leases (
    id         uuid        NOT NULL,
    names      text[]      NOT NULL,
    job        uuid        NOT NULL,
    attempt    integer     NOT NULL,
    taken_at   timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT limit_leases_pkey PRIMARY KEY (id)
);

CREATE INDEX limit_leases_expiry ON corral.limit_leases (expires_at);
