-- Only expands: what providers allow is taken of rates of calls, whose takes are in Redis and in limit_keys. The release
-- before this one goes on in the columns arrivals, day_from, day_requests and day_bytes of providers, which the next one
-- drops; while workers of both run, each counts its own. What was taken of a day stays taken.

INSERT INTO corral.limits (name, declared, version)
SELECT r.name, r.declared::jsonb, '' FROM (VALUES
    ('provider-second', '{"kind": "rate", "by": "provider", "cost": 1, "at": "call", "rate": 1000, "per": 1, "deadline": 0.25}'),
    ('provider-day', '{"kind": "rate", "by": "provider", "cost": 1, "at": "call", "rate": 1e9, "per": 86400, "deadline": 5, "slices": 48}'),
    ('provider-bytes', '{"kind": "rate", "by": "provider", "cost": 1, "at": "call", "rate": 1e15, "per": 86400, "deadline": 5, "slices": 48}')
) AS r(name, declared)
WHERE EXISTS (SELECT FROM corral.providers)
ON CONFLICT (name) DO NOTHING;

INSERT INTO corral.limit_overrides (limit_name, key, overrides, set_by)
SELECT s.limit_name, p.name, s.overrides, coalesce(p.set_by, 'code')
FROM (SELECT name, set_by, declared || overrides AS said FROM corral.providers) p CROSS JOIN LATERAL (
    SELECT 'provider-second' AS limit_name, jsonb_build_object(
        'rate', greatest(1, floor((p.said->>'per_second')::float8)),
        'per', greatest(1, floor((p.said->>'per_second')::float8)) / (p.said->>'per_second')::float8,
        'deadline', coalesce((p.said->>'transit')::float8, 0.25)) AS overrides WHERE p.said->>'per_second' IS NOT NULL
    UNION ALL
    SELECT 'provider-day', jsonb_build_object('rate', (p.said->>'per_day')::float8) WHERE p.said->>'per_day' IS NOT NULL
    UNION ALL
    SELECT 'provider-bytes', jsonb_build_object('rate', (p.said->>'bytes_per_day')::float8)
    WHERE p.said->>'bytes_per_day' IS NOT NULL
) s
ON CONFLICT (limit_name, key) DO NOTHING;

-- A note for each budget of a day, as `corral.store.limits.budget_notes` writes it: a half hour counts from its end.
INSERT INTO corral.limit_keys (name, limit_name, key, taken_at, taken, reserved, refilled_at)
SELECT s.limit_name || '=' || p.name, s.limit_name, p.name, s.taken_at, s.taken, 0, clock_timestamp()
FROM corral.providers p CROSS JOIN LATERAL (
    SELECT 'provider-day' AS limit_name, array_agg(to_timestamp(b.began + 1800) ORDER BY b.began) AS taken_at,
           array_agg(b.requests ORDER BY b.began) AS taken
    FROM unnest(p.day_from, p.day_requests) AS b(began, requests)
    WHERE (p.declared || p.overrides)->>'per_day' IS NOT NULL
    UNION ALL
    SELECT 'provider-bytes', array_agg(to_timestamp(b.began + 1800) ORDER BY b.began), array_agg(b.bytes ORDER BY b.began)
    FROM unnest(p.day_from, p.day_bytes) AS b(began, bytes)
    WHERE (p.declared || p.overrides)->>'bytes_per_day' IS NOT NULL
) s
WHERE cardinality(s.taken_at) > 0
ON CONFLICT (name) DO NOTHING;
