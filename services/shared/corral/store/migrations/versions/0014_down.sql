-- Submissions look at no limit any more.

ALTER TABLE corral.jobs DROP COLUMN counted_by;
