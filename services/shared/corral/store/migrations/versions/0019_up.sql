-- Only expands: the release before this one takes nothing for life, and neither reads nor writes this column.

ALTER TABLE corral.limit_keys ADD COLUMN holder uuid;
