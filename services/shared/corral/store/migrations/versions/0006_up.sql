-- Only expands. What the mail sink of development caught; the newest are kept.
CREATE TABLE corral.sink_mails (
    id          uuid        NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    sender      text        NOT NULL,
    recipients  text[]      NOT NULL,
    source      bytea       NOT NULL,
    CONSTRAINT sink_mails_pkey PRIMARY KEY (id)
);
