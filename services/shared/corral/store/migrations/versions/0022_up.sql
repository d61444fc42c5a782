-- Only expands: the release before this one starts no fetch by itself, and neither reads nor writes this column.

ALTER TABLE corral.feed_sources ADD COLUMN fetch_job uuid;
-- Sources that are due, for the leader.
CREATE INDEX feed_sources_due ON corral.feed_sources (next_fetch_at) WHERE state = 'active';
