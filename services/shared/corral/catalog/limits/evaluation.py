"""What a payload takes of the limits of its job: the key of each and its cost, evaluated once, at submission."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from corral.catalog.limits.key import KeyReader
from corral.catalog.limits.limit import TakenAt, largest_cost
from corral.catalog.limits.values import cost_fault
from corral.catalog.payloads.field import MISSING, NoSuchField, PayloadField, payload_field
from corral.errors import FieldError, InvalidInput
from corral.job.admission import WhenFull
from corral.job.limit_use import TOTAL, LimitUse

SHARED: Final = "*"
"""The key of all jobs that have no value where the limit looks. A value that begins so gets a second one."""
MAX_KEY: Final = 200
"""Characters of a key. Of a longer value the first are followed by a digest of the whole."""
DIGEST_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class LimitValues:
    """A limit as it is in force: what code declared, with what an operator set over it."""

    name: str
    values: Mapping[str, Any]
    """As `Limit.values` and `Rate.values` have them."""

    @property
    def by(self) -> str | None:
        """The path of the payload field that is the key."""
        return self.values.get("by")

    @property
    def is_rate(self) -> bool:
        """Whether it is a rate."""
        return "rate" in self.values

    @property
    def when_full(self) -> str:
        """What a submission does that finds it full."""
        return str(self.values.get("on_full", WhenFull.QUEUE))

    @property
    def counts_waiting(self) -> bool:
        """Whether its jobs are counted while they wait, too."""
        return self.when_full != WhenFull.QUEUE or self.values.get("max_waiting") is not None

    @property
    def of_calls(self) -> bool:
        """Whether it is a rate that handlers take of with `ctx.budget`: no job takes of it when it starts."""
        return self.is_rate and self.values.get("at") == TakenAt.CALL


class LimitEvaluation:
    """Evaluates the payloads of one job type, in one queue. Compiled once."""

    def __init__(self, limits: Sequence[LimitValues], schema: Mapping[str, Any] | None) -> None:
        """Raises: NoSuchField: a limit names a field that the payload does not have."""
        self._rules = [_Rule(limit, schema) for limit in limits]

    def uses(self, payload: Any) -> list[LimitUse]:
        """What a payload, as parsed JSON, takes.

        Raises:
            InvalidInput: a value can't be a key or a cost; names the field.
        """
        errors: list[FieldError] = []
        uses: list[LimitUse] = []
        for rule in self._rules:
            try:
                uses += rule.uses(payload)
            except InvalidInput as error:
                errors += error.errors
        if errors:
            raise InvalidInput(*errors)
        return uses


class _Rule:
    def __init__(self, limit: LimitValues, schema: Mapping[str, Any] | None) -> None:
        self._limit = limit
        self._key = None if limit.by is None else self._key_of(schema, limit.by)
        cost = limit.values.get("cost", 1)
        self._cost: PayloadField | float = (
            self._field(schema, "cost", cost) if isinstance(cost, str) else float(cost)
        )

    def _key_of(self, schema: Mapping[str, Any] | None, by: str) -> KeyReader:
        try:
            return KeyReader(schema, by)
        except NoSuchField as error:
            raise self._missing("by", by, error) from None

    def _field(self, schema: Mapping[str, Any] | None, option: str, path: str) -> PayloadField:
        try:
            return payload_field(schema, path)
        except NoSuchField as error:
            raise self._missing(option, path, error) from None

    def _missing(self, option: str, path: str, error: NoSuchField) -> NoSuchField:
        return NoSuchField(f"limit {self._limit.name}: {option} names {path}; the payload has {error}")

    def uses(self, payload: Any) -> Iterator[LimitUse]:
        if self._limit.of_calls:
            return
        limit, cost = self._limit, self.costs(payload)
        if cost == 0:
            return
        if self._key is None:
            yield LimitUse(limit.name, cost=cost, counted=limit.counts_waiting)
            return
        if not limit.is_rate and limit.values.get("total") is not None:
            yield LimitUse(limit.name, cost=cost, counted=limit.when_full != WhenFull.QUEUE)
        for key in self.keys(payload):
            yield LimitUse(limit.name, key, cost, counted=limit.counts_waiting)

    def keys(self, payload: Any) -> list[str]:
        """The keys that a payload takes of."""
        if self._key is None:
            return [TOTAL]
        return [key_of(text) for text in self._key.texts(payload, self._limit.name)] or [SHARED]

    def costs(self, payload: Any) -> float:
        """What a payload costs."""
        if not isinstance(self._cost, PayloadField):
            return self._cost
        field = self._cost
        value = field.read(payload)
        if value is MISSING or value is None:
            return 1.0
        if isinstance(value, str):
            value = _number(value)
        try:
            value = value if isinstance(value, bool | int) else float(value)
            fault = cost_fault(value)
        except (TypeError, ValueError):
            fault = "is no number"
        if fault is not None:
            raise InvalidInput(
                FieldError(
                    field.pointer, f"{fault}; it is what the job costs of the limit {self._limit.name}"
                )
            )
        most = largest_cost(self._limit.values) if self._limit.is_rate else None
        if most is not None and value > most:
            raise InvalidInput(
                FieldError(
                    field.pointer,
                    f"is {value:g}, and the limit {self._limit.name} lets {most:g} start in"
                    f" {self._limit.values.get('per', 0):g} seconds: the job could never start",
                )
            )
        return float(value)


class CallEvaluation:
    """What a call takes of a rate, where its handler does not say: the key and the cost from the payload of its job."""

    def __init__(self, limit: LimitValues) -> None:
        self._rule = _Rule(limit, None)

    def keys(self, payload: Any) -> list[str]:
        """The keys; one is empty where the rate has none.

        Raises:
            InvalidInput: a value can't be a key; names the field.
        """
        return self._rule.keys(payload)

    def cost(self, payload: Any) -> float:
        """The cost.

        Raises:
            InvalidInput: the value can't be a cost; names the field.
        """
        return self._rule.costs(payload)


def key_of(text: str) -> str:
    """The key that a value is, as it is stored. An empty text is no value."""
    if not text:
        return SHARED
    return bounded_key(SHARED + text if text.startswith(SHARED) else text)


def bounded_key(text: str) -> str:
    """The same text, or, of one longer than a key may be, its first characters and a digest of the whole."""
    if len(text) <= MAX_KEY:
        return text
    digest = blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()
    return f"{text[: MAX_KEY - 2 * DIGEST_BYTES - 1]}#{digest}"


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
