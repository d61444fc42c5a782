-- Only expands: the release before this one neither reads nor writes the column, and it has a default.

ALTER TABLE corral.limits
    ADD COLUMN stale boolean NOT NULL DEFAULT false;
