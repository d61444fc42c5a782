ALTER TABLE corral.limit_overrides DROP COLUMN paused_by, DROP COLUMN paused_reason;
