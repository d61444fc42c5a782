-- Only expands: the release before this one writes who paused into set_by and reason, which are shown where these are null.

ALTER TABLE corral.limit_overrides ADD COLUMN paused_by text, ADD COLUMN paused_reason text;
UPDATE corral.limit_overrides SET paused_by = set_by, paused_reason = reason WHERE paused_at IS NOT NULL;
