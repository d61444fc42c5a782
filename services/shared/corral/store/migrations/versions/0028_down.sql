ALTER TABLE corral.workers DROP COLUMN keeps_limits;
