"""The SQL by which limits are judged and given back: values in force, room, and what ended attempts held."""

from corral.job.budget import BURST_SHARE, EXACT
from corral.store.limits.holds import ENDED, READY_HOLDER

SLACK = "1e-9"
"""Costs are floating-point numbers: sums of them may differ by less than this."""


def rooms(names: str, *, locked: bool = False) -> str:
    """SQL of how much may be taken of each name now: rows of `names`, an item of FROM called `n` with a column `name`.

    Beside these columns: `room` (-1 where nothing may start), `in_use`, `bound`, `rate`, `per`, `deadline`, `burst`,
    `weight`, `at` (the time of the look), `doc` (all values in force), `declared`, `paused_at`, `paused_by`, `parked_until`,
    `parked_by`, `parked_reason`, `probe`, `probing` (one job may start, and goes first), `taken_at`, `taken`. A window keeps
    the last takes of a rate, so that no window holds more than the rate; above EXACT a bucket holds `burst` and is refilled
    by (rate - burst) / per a second, so that a window holds `rate` at most. `after_end`: of a rate that counts until the
    end of attempts and `per` seconds more, these seconds: what runs is in use of it, and an end notes the take.
    `by_batch`: it counts batches, each of which takes 1. `for_life`: the job that takes the slot keeps it
    until it has ended; `holder` is that job, and what it holds is room while it waits, for it alone.

    `locked`: for a claim, which has locked the keys before. A key that it has not, because the first job of a group came
    after the lock, is locked here, or has no room this time: nobody may judge by a number that another one changes.
    """
    lock, unlocked = (" FOR NO KEY UPDATE SKIP LOCKED", " OR k.name IS NULL") if locked else ("", "")
    return f"""
SELECT n.*, v.bound, v.rate, v.per, v.deadline, v.burst, coalesce(v.weight, 1) AS weight, c.at,
       coalesce(k.in_use, 0) AS in_use,
       l.declared IS NOT NULL AS declared, coalesce(one.paused_at, whole.paused_at) AS paused_at,
       CASE WHEN one.paused_at IS NULL THEN coalesce(whole.paused_by, whole.set_by)
            ELSE coalesce(one.paused_by, one.set_by) END AS paused_by,
       k.parked_until, k.parked_by, k.parked_reason, k.probe,
       coalesce(k.parked_until <= c.at AND k.probe IS NULL, false) AS probing, k.taken_at, k.taken,
       CASE WHEN l.declared IS NULL OR whole.paused_at IS NOT NULL OR one.paused_at IS NOT NULL
                 OR k.parked_until > c.at OR (k.parked_until IS NOT NULL AND k.probe IS NOT NULL){unlocked} THEN -1
            WHEN v.rate IS NULL THEN coalesce(v.bound, 'Infinity') - coalesce(k.in_use, 0)
                 + CASE WHEN k.holder IS NULL THEN 0 ELSE {READY_HOLDER} END
            WHEN v.rate <= {EXACT} THEN v.rate - CASE WHEN v.spans THEN coalesce(k.in_use, 0) ELSE 0 END - coalesce((
                SELECT sum(t.amount) FROM unnest(k.taken_at, k.taken) AS t(at, amount)
                WHERE t.at > c.at - v.per * interval '1 second'), 0)
            ELSE least(v.burst, coalesce(
                k.tokens + date_part('epoch', c.at - k.refilled_at) * (v.rate - v.burst) / v.per, v.burst))
       END AS room, d.doc, p.limit_name, k.holder, coalesce(v.bound = 1 AND d.doc->>'hold' = 'life', false) AS for_life,
       CASE WHEN v.spans AND v.rate <= {EXACT} THEN v.per END AS after_end, coalesce(d.doc->>'unit' = 'batch', false) AS by_batch
FROM {names} CROSS JOIN LATERAL (SELECT clock_timestamp() AS at OFFSET 0) c
CROSS JOIN LATERAL (
    SELECT split_part(n.name, '=', 1) AS limit_name, substr(n.name, strpos(n.name || '=', '=') + 1) AS key OFFSET 0
) p
LEFT JOIN LATERAL (SELECT x.* FROM corral.limit_keys x WHERE x.name = n.name OFFSET 0{lock}) k ON true
LEFT JOIN LATERAL (SELECT x.declared FROM corral.limits x WHERE x.name = p.limit_name OFFSET 0) l ON true
LEFT JOIN LATERAL (
    SELECT x.* FROM corral.limit_overrides x WHERE x.limit_name = p.limit_name AND x.key = '' OFFSET 0
) whole ON true
LEFT JOIN LATERAL (
    SELECT x.* FROM corral.limit_overrides x WHERE x.limit_name = p.limit_name AND x.key = p.key AND p.key <> '' OFFSET 0
) one ON true
CROSS JOIN LATERAL (
    SELECT l.declared || coalesce(whole.overrides, '{{}}') || coalesce(one.overrides, '{{}}') AS doc OFFSET 0
) d
CROSS JOIN LATERAL (
    SELECT CASE p.key WHEN '' THEN (d.doc->>'total')::float8 ELSE (d.doc->>'each')::float8 END AS bound,
           (d.doc->>'rate')::float8 AS rate, (d.doc->>'per')::float8 AS per,
           (d.doc->>'deadline')::float8 AS deadline,
           coalesce((d.doc->>'burst')::float8, (d.doc->>'rate')::float8 * {BURST_SHARE}) AS burst,
           (d.doc->'weights'->>p.key)::float8 AS weight, coalesce(d.doc->>'at' = 'attempt', false) AS spans OFFSET 0
) v
"""


def given_back(ended: str, *, opens: bool = False, parks: bool = False) -> str:
    """CTEs that give back what the rows of `ended` (`id`, `limits`, `costs`, `outcome`) held: keys locked in their order.

    A slot that is held for life is given back with the outcomes alone that end the job.
    For a statement of one transaction that locks no keys before, or had LOCK_KEYS before it. A job that went first after
    a wait makes room for the next one; where the end `opens`, for all. With `parks`, rows of `ended` also say what to
    park: `park` (a name, or NULL), `park_for` (seconds) and `reason`.
    """
    told = (
        f""",
           max({ended}.park_for) FILTER (WHERE {ended}.park = c.name) AS park_for,
           (array_agg({ended}.id ORDER BY {ended}.park_for DESC) FILTER (WHERE {ended}.park = c.name))[1] AS park_by,
           (array_agg({ended}.reason ORDER BY {ended}.park_for DESC) FILTER (WHERE {ended}.park = c.name))[1] AS park_reason"""
        if parks
        else ""
    )
    mine = "k.probe = ANY(h.jobs)"
    until = "now() + h.park_for * interval '1 second'"
    holder = "CASE WHEN k.holder = ANY(h.over) THEN NULL ELSE k.holder END"
    sets = {"probe": f"CASE WHEN {mine} THEN NULL ELSE k.probe END"}
    if opens:
        sets |= {
            name: f"CASE WHEN {mine} THEN NULL ELSE k.{name} END"
            for name in ("parked_until", "parked_by", "parked_reason")
        }
    if parks:
        later = f"{until} > coalesce(k.parked_until, '-infinity')"
        sets = {
            "probe": f"CASE WHEN {mine} OR h.park_for IS NOT NULL THEN NULL ELSE k.probe END",
            "parked_until": f"CASE WHEN {later} THEN {until} ELSE k.parked_until END",
            "parked_by": f"CASE WHEN {later} THEN h.park_by ELSE k.parked_by END",
            "parked_reason": f"CASE WHEN {later} THEN h.park_reason ELSE k.parked_reason END",
        }
    return f"""given AS MATERIALIZED (
    SELECT c.name, array_agg({ended}.id) AS jobs{told},
           array_agg({ended}.id) FILTER (WHERE {ended}.outcome IN {ENDED}) AS over,
           coalesce(sum(c.cost) FILTER (WHERE {ended}.outcome IN {ENDED} OR NOT EXISTS (
               SELECT FROM corral.limit_keys x WHERE x.name = c.name AND x.holder = {ended}.id
           )), 0) AS cost
    FROM {ended} CROSS JOIN unnest({ended}.limits, {ended}.costs) AS c(name, cost)
    GROUP BY 1 ORDER BY 1
), keys_held AS MATERIALIZED (
    SELECT g.* FROM given g CROSS JOIN LATERAL (
        SELECT k.name FROM corral.limit_keys k WHERE k.name = g.name OFFSET 0 FOR NO KEY UPDATE
    ) k
), given_back AS (
    UPDATE corral.limit_keys k
    SET in_use = CASE WHEN abs(k.in_use - h.cost) < {SLACK} THEN 0 ELSE k.in_use - h.cost END,
        taken_at = CASE WHEN k.after_end IS NULL THEN k.taken_at ELSE {_kept("at", "now()", "k.after_end", "clock_timestamp()")} END,
        taken = CASE WHEN k.after_end IS NULL THEN k.taken ELSE {_kept("amount", "now()", "k.after_end", "h.cost")} END,
        {", ".join(f"{name} = {value}" for name, value in {**sets, "holder": holder}.items())}
    FROM keys_held h WHERE k.name = h.name
)"""


def _kept(part: str, at: str, seconds: str, new: str) -> str:
    """SQL of the times (`at`) or amounts (`amount`) of the takes of a key `k` in the window that ends at a time, and a new one."""
    return f"""array_append(ARRAY(
            SELECT t.{part} FROM unnest(k.taken_at, k.taken) WITH ORDINALITY AS t(at, amount, n)
            WHERE t.at > {at} - {seconds} * interval '1 second' ORDER BY t.n), {new})"""


def taken() -> str:
    """A CTE that takes of the keys what the claim needs: of `needs` (id, name, cost) those in `fit`, with `room` in hand.

    `IS TRUE` has them looked up in a hash table: a join would be a nested loop over both.
    """
    return f"""used AS (
    UPDATE corral.limit_keys k
    SET in_use = k.in_use + u.cost, probe = CASE WHEN r.probing THEN u.first ELSE k.probe END,
        holder = CASE WHEN r.for_life THEN coalesce(k.holder, u.first) ELSE k.holder END,
        taken_at = CASE WHEN r.after_end IS NOT NULL THEN k.taken_at WHEN r.rate <= {EXACT} THEN {_kept("at", "r.at", "r.per", "r.at")} END,
        taken = CASE WHEN r.after_end IS NOT NULL THEN k.taken WHEN r.rate <= {EXACT} THEN {_kept("amount", "r.at", "r.per", "u.cost")} END,
        after_end = r.after_end,
        tokens = CASE WHEN r.rate > {EXACT} THEN r.room - u.cost END,
        refilled_at = CASE WHEN r.rate > {EXACT} THEN r.at END
    FROM (
        SELECT n.name, sum(n.cost) AS cost, (array_agg(n.id))[1] AS first FROM needs n
        WHERE (n.id IN (SELECT fit.id FROM fit)) IS TRUE GROUP BY 1
    ) u
    JOIN room r ON r.name = u.name
    WHERE k.name = u.name
)"""


# Before a batch whose endings take two statements, each of which gives back: so both together keep the order.
LOCK_KEYS = """
SELECT count(*) FROM (
    SELECT DISTINCT n.name FROM corral.jobs j CROSS JOIN unnest(j.limits) AS n(name)
    WHERE j.id = ANY(%(ids)s::uuid[]) ORDER BY 1
) g CROSS JOIN LATERAL (
    SELECT k.name FROM corral.limit_keys k WHERE k.name = g.name OFFSET 0 FOR NO KEY UPDATE
) k
"""
