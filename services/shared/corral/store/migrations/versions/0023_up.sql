-- Only expands: the release before this one knows nothing of the column. What its workers end of such a rate counts from
-- the start of the attempt.

ALTER TABLE corral.limit_keys ADD COLUMN after_end double precision;

CREATE INDEX import_items_item ON corral.import_items (source, guid);
