-- Slots that were held for life are given back with the next recount.

ALTER TABLE corral.limit_keys DROP COLUMN holder;
