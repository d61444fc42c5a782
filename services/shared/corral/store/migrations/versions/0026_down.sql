ALTER TABLE corral.feed_sources DROP COLUMN ttl_seconds;
