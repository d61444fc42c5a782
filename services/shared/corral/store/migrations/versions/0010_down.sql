-- Sources, items and the history of imports are gone after this.

DROP TABLE corral.import_items;
DROP TABLE corral.import_sources;
DROP TABLE corral.imports;
DROP TABLE corral.feed_items;
DROP TABLE corral.feed_sources;
