-- Handlers that hold slots of limits lose them.

DROP TABLE corral.limit_leases;
