CREATE INDEX import_items_item ON corral.import_items (source, guid);
ALTER TABLE corral.import_items RESET (fillfactor);
ALTER TABLE corral.import_items DROP CONSTRAINT import_items_pkey;
ALTER TABLE corral.import_items ADD CONSTRAINT import_items_pkey PRIMARY KEY (import, source, guid);

ALTER TABLE corral.feed_sources DROP COLUMN document_at;
DROP INDEX corral.feed_items_listed;
ALTER TABLE corral.feed_items
    DROP COLUMN fingerprint,
    DROP COLUMN listed_at;
