"""What operators set for limits and their keys: values and pauses, with who did it and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from corral.store.access.audit import record
from corral.store.postgres.database import Transaction
from corral.store.postgres.json_text import encode


@dataclass(frozen=True, slots=True)
class LimitChange:
    """A change to a limit by a person."""

    action: str
    """`patch`, `pause`, `resume` or `reset`."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Values to set; None takes one back."""


@dataclass(frozen=True, slots=True)
class SetKeys:
    """How many keys of a limit an operator gave something of their own."""

    keys_set: int = 0
    """Keys with values of their own."""
    keys_paused: int = 0


SAID = """o.paused_at, o.set_by, o.reason, o.set_at,
       CASE WHEN o.paused_at IS NOT NULL THEN coalesce(o.paused_by, o.set_by) END,
       CASE WHEN o.paused_by IS NOT NULL THEN o.paused_reason WHEN o.paused_at IS NOT NULL THEN o.reason END"""
"""SQL of what was said of a row `o` of limit_overrides: since when it is paused, who set it, why and when, who paused it and why."""
ROW = """
INSERT INTO corral.limit_overrides AS o (limit_name, key, set_by, reason) VALUES (%(name)s, %(key)s, %(actor)s, %(reason)s)
ON CONFLICT (limit_name, key) DO NOTHING
"""
_ROW = "WHERE limit_name = %(name)s AND key = %(key)s"
_SET = "set_by = %(actor)s, reason = %(reason)s, set_at = now()"
# A pause of what is paused changes nothing, unless it gives a reason. What was said of values stays with them.
CHANGES = {
    "patch": f"UPDATE corral.limit_overrides SET overrides = jsonb_strip_nulls(overrides || %(overrides)s::jsonb), {_SET} {_ROW}",
    "pause": f"""UPDATE corral.limit_overrides SET paused_at = coalesce(paused_at, now()), paused_by = %(actor)s,
        paused_reason = %(reason)s, set_by = CASE overrides WHEN '{{}}' THEN %(actor)s ELSE set_by END,
        reason = CASE overrides WHEN '{{}}' THEN %(reason)s ELSE reason END {_ROW} AND (paused_at IS NULL OR %(reason)s::text IS NOT NULL)""",
    "resume": f"UPDATE corral.limit_overrides SET paused_at = NULL, paused_by = NULL, paused_reason = NULL {_ROW}",
    "reset": f"""UPDATE corral.limit_overrides SET overrides = '{{}}'::jsonb, set_by = coalesce(paused_by, set_by),
        reason = CASE WHEN paused_by IS NULL THEN reason ELSE paused_reason END, set_at = coalesce(paused_at, set_at) {_ROW}""",
}
UNPARK = """
UPDATE corral.limit_keys SET parked_until = NULL, parked_by = NULL, parked_reason = NULL, probe = NULL
WHERE limit_name = %(name)s AND (%(key)s = '' OR key = %(key)s) AND parked_until IS NOT NULL
"""
TIDY = """
DELETE FROM corral.limit_overrides
WHERE limit_name = %(name)s AND key = %(key)s AND overrides = '{}'::jsonb AND paused_at IS NULL
"""
PAUSE_REASON = """
SELECT paused_reason FROM corral.limit_overrides
WHERE limit_name = %(name)s AND key IN ('', %(key)s) AND paused_at IS NOT NULL AND paused_reason IS NOT NULL
ORDER BY key DESC LIMIT 1
"""
SET_KEYS = """
SELECT count(*) FILTER (WHERE overrides <> '{}'::jsonb), count(*) FILTER (WHERE paused_at IS NOT NULL)
FROM corral.limit_overrides WHERE limit_name = %(name)s AND key <> ''
"""


async def write_change(
    transaction: Transaction, name: str, key: str, change: LimitChange, *, actor: str, reason: str | None
) -> None:
    """Change what is set for a limit that exists, or for one of its keys, and tell the audit."""
    params: dict[str, object] = {"name": name, "key": key, "actor": actor, "reason": reason}
    await transaction.count(ROW, params)
    sets = params | {"overrides": encode(dict(change.overrides))}
    await transaction.count(CHANGES[change.action], sets)
    if change.action == "resume":
        await transaction.count(UNPARK, {"name": name, "key": key})
    details: dict[str, Any] = {"key": key} if key else {}
    details |= {"overrides": dict(change.overrides)} if change.overrides else {}
    details |= {"reason": reason} if reason else {}
    await record(transaction, actor, change.action, kind="limit", subjects=[name], details=details)
    await transaction.count(TIDY, params)
