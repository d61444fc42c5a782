"""Which WorkerPools an operator scales: a label selector, in the form that Kubernetes' own commands take."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

_KEY: Final = r"[A-Za-z0-9]([-A-Za-z0-9_./]{0,314}[A-Za-z0-9])?"
_VALUE: Final = r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
_REQUIREMENT: Final = re.compile(
    rf"\s*(?:!\s*(?P<absent>{_KEY})"
    rf"|(?P<key>{_KEY})(?:\s*(?P<sign>==|=|!=)\s*(?P<value>{_VALUE})"
    rf"|\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\))?)\s*(?:,(?=.*\S)|$)"
)
"""One requirement of a selector, with the comma behind it. Source: Kubernetes, labels and selectors."""

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one label must be."""

    key: str
    values: frozenset[str] | None
    """The values that match, or that do not; None is any value."""
    wanted: bool = True
    """Whether the label must have one of the values, or must not."""

    def matches(self, labels: Labels) -> bool:
        """Whether these labels satisfy it. A label that is missing satisfies what excludes values."""
        found = self.key in labels if self.values is None else labels.get(self.key) in self.values
        return found is self.wanted


@dataclass(frozen=True, slots=True)
class PoolSelector:
    """The requirements that a pool's labels must satisfy, all of them; without any, every pool is selected."""

    text: str = ""
    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def of(cls, text: str) -> Self:
        """From `key=value,other!=value,key in (a, b),present,!absent`.

        Raises:
            ValueError: it has another form.
        """
        found, at = [], 0
        while at < len(text.rstrip()):
            one = _REQUIREMENT.match(text, at)
            if one is None:
                raise ValueError(
                    f"no label selector from {text[at:]!r} on: write key=value, key!=value, key in (a,b), key or !key, with commas between"
                )
            found.append(_requirement(one))
            at = one.end()
        return cls(text.strip(), tuple(found))

    def matches(self, labels: Labels) -> bool:
        """Whether a pool with these labels is selected."""
        return all(one.matches(labels) for one in self.requirements)

    def unrelated(self, labels: Labels) -> bool:
        """Whether a pool carries none of the labels that are asked for: then it is likely to be nobody's."""
        asked = {one.key for one in self.requirements if one.wanted}
        return bool(asked) and not asked & labels.keys()


def _requirement(one: re.Match[str]) -> Requirement:
    if (absent := one["absent"]) is not None:
        return Requirement(absent, None, wanted=False)
    if one["sign"]:
        return Requirement(one["key"], frozenset({one["value"]}), wanted=one["sign"] != "!=")
    if one["word"]:
        values = frozenset(value.strip() for value in one["values"].split(","))
        return Requirement(one["key"], values, wanted=one["word"] == "in")
    return Requirement(one["key"], None)
