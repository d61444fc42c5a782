-- Only expands: the release before this one does not note it, and fetches a document that stays the same after its interval.

ALTER TABLE corral.feed_sources ADD COLUMN ttl_seconds double precision;
