-- Only expands: the release before this one knows of no follow-ups, and reads and writes no such table.

-- Which job was stored with which outcome: shown on the job that announced it, and removed with it.
CREATE TABLE corral.follow_ups (
    job        uuid    NOT NULL,
    attempt    integer NOT NULL,
    follows_on text    NOT NULL,
    follow_up  uuid    NOT NULL,
    CONSTRAINT follow_ups_pkey PRIMARY KEY (job, follow_up)
);
