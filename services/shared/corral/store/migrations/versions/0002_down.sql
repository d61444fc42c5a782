-- Forgets who drained what, and every decision; a draining worker keeps draining.

DROP TABLE corral.scaling_decisions;
ALTER TABLE corral.workers DROP COLUMN drained_by;
