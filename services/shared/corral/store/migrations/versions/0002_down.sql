-- Forgets who drained what, every decision and the defaults of queues; a draining worker keeps draining.

DROP TABLE corral.scaling_decisions;
ALTER TABLE corral.workers DROP COLUMN drained_by;
ALTER TABLE corral.queues DROP COLUMN defaults;
