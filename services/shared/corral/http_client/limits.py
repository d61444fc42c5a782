"""What the client asks about limits and the options of job types; a part of `corral.client.Client`."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from corral.http_client.api_calls import ApiCalls, Json
from corral.http_client.api_request import path_of, seconds_given
from corral.http_client.limit_slot import LimitSlot, SlotCalls, this_program


class CallsAndSlots(ApiCalls, Protocol):
    """What these methods need of a client."""

    @property
    def calls(self) -> SlotCalls:
        """Single requests."""


class LimitCalls:
    """Limits: what is in force, in use and waiting; setting, pausing, resuming and taking back."""

    def limits(self: CallsAndSlots) -> list[Json]:
        """Every limit, by name."""
        return list(self.pages("/limits"))

    def limit(self: CallsAndSlots, name: str) -> Json:
        """One limit, with the jobs that hold its total."""
        return self.get(path_of("limits", name))

    def limit_keys(
        self: CallsAndSlots,
        name: str,
        *,
        key: str | None = None,
        limit: int | None = None,
        only_set: bool = False,
    ) -> Iterator[Json]:
        """The keys of a limit that something uses, waits for or was set for, with the jobs that hold them.

        `only_set`: those alone that have values of their own or are paused.
        """
        asked = {"only_set": "true"} if only_set else {}
        return self.pages(path_of("limits", name, "keys"), limit=limit, key=key, **asked)

    def set_limit(
        self: CallsAndSlots,
        name: str,
        values: Mapping[str, Json],
        *,
        key: str | None = None,
        reason: str | None = None,
    ) -> Json:
        """Set values over those that code declares: `set_limit("customer", {"each": 10}, key="acme")`. None takes one back."""
        return self.patch(path_of("limits", name), {"overrides": dict(values), **_said(key, reason)})

    def pause_limit(
        self: CallsAndSlots, name: str, *, key: str | None = None, reason: str | None = None
    ) -> Json:
        """Pause a limit, or one of its keys: once this returns no job that takes from it starts."""
        return self.post(path_of("limits", name, "pause"), _said(key, reason))

    def resume_limit(
        self: CallsAndSlots, name: str, *, key: str | None = None, reason: str | None = None
    ) -> Json:
        """Resume what was paused."""
        return self.post(path_of("limits", name, "resume"), _said(key, reason))

    def reset_limit(
        self: CallsAndSlots, name: str, *, key: str | None = None, reason: str | None = None
    ) -> Json:
        """Take back every value that was set. A pause stays."""
        return self.post(path_of("limits", name, "reset"), _said(key, reason))

    def limit_slot(
        self: CallsAndSlots,
        name: str,
        *,
        key: str | None = None,
        timeout: float | None = None,
        program: str | None = None,
    ) -> LimitSlot:
        """Hold a slot of a limit while a block runs, from any program: `with client.limit_slot("openai"): …`.

        `async with` works, too, and cancels its body where the slot is lost; a body of `with` hears by `slot.lost`,
        `slot.check()`, and at its end. The slot is leased for 30 seconds and renewed by a thread; if the program dies, it
        is free when they are over. What the thread or task holds already is not taken twice, and limits are taken in the
        order of their names.

        Args:
            name: of the limit.
            key: where the limit counts by keys.
            timeout: seconds to wait at most; by default for as long as it takes.
            program: who holds it, for whoever looks at the limit; by default the program's file, machine and process.

        Raises:
            LimitTimeout: there was no free slot in time.
            LimitLost: at the end, where it could not be renewed in time.
            Conflict: a limit behind this one in the order of names is held.
            ApiProblem: there is no such limit, or it has no such keys.
            InvalidInput: `timeout` is no number.
        """
        seconds = None if timeout is None else seconds_given("timeout", timeout)
        return LimitSlot(self.calls, name, key, seconds, this_program() if program is None else program)

    def set_type(self: CallsAndSlots, name: str, options: Mapping[str, Json]) -> Json:
        """Set options of a job type over those that code declares; None takes one back."""
        return self.patch(path_of("types", name), {"overrides": dict(options)})


def _said(key: str | None, reason: str | None) -> dict[str, str]:
    """The key and the reason, those that are given."""
    return {name: value for name, value in (("key", key), ("reason", reason)) if value is not None}
