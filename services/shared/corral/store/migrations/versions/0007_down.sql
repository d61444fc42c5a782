-- The jobs that follow others stay; only which job they followed is forgotten.

DROP TABLE corral.follow_ups;
