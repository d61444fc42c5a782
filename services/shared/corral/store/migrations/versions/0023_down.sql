DROP INDEX corral.import_items_item;

ALTER TABLE corral.limit_keys DROP COLUMN after_end;
