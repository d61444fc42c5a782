-- Only expands: the release before this one stores items without fingerprints, which are then read in full once, and does not
-- say what its documents list: nothing is removed before a document was read by this one.

ALTER TABLE corral.feed_items
    ADD COLUMN fingerprint text,
    ADD COLUMN listed_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX feed_items_listed ON corral.feed_items (source, listed_at);
ALTER TABLE corral.feed_sources ADD COLUMN document_at timestamptz;

-- Rows live for seconds and are changed once: with room on their pages no index hears of that.
ALTER TABLE corral.import_items DROP CONSTRAINT import_items_pkey;
ALTER TABLE corral.import_items ADD CONSTRAINT import_items_pkey PRIMARY KEY (source, guid, import);
ALTER TABLE corral.import_items SET (fillfactor = 50);
DROP INDEX corral.import_items_item;
