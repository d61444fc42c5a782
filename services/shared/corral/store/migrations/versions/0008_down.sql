-- The jobs that schedules submitted stay.

DROP TABLE corral.schedule_ticks;
DROP TABLE corral.schedules;
