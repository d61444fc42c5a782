-- Feeds are fetched only where somebody starts an import.

DROP INDEX corral.feed_sources_due;
ALTER TABLE corral.feed_sources DROP COLUMN fetch_job;
