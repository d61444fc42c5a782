-- What was taken of a provider's day since the upgrade is forgotten.

DELETE FROM corral.limit_keys WHERE limit_name IN ('provider-second', 'provider-day', 'provider-bytes');
DELETE FROM corral.limit_overrides WHERE limit_name IN ('provider-second', 'provider-day', 'provider-bytes');
DELETE FROM corral.limits WHERE name IN ('provider-second', 'provider-day', 'provider-bytes');
