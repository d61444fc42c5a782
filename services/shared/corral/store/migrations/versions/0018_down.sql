-- What waited for its evaluation because of a changed limit waits on, until this is upgraded again.

ALTER TABLE corral.limits DROP COLUMN stale;
