"""What makes jobs the same: the keys of payloads, and what a declaration may say."""

import sys
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from corral.catalog import Catalog, Unique, job_type
from corral.catalog.record import record_of
from corral.catalog.unique import UniqueEvaluation, unique_of, unique_to_json
from corral.errors import DeclarationError
from corral.job.unique import MAX_KEY

EXAMPLES = Path(__file__).parents[3] / "examples"


class Inside(BaseModel):
    """A part of a payload."""

    id: int = 0


class Thing(BaseModel):
    """A payload with a default, a list and a part."""

    source: str
    guid: str | None = None
    pages: float = 1
    parts: list[int] = []
    inside: Inside = Inside()


SCHEMA = record_of(job_type("test.thing", payload=Thing)).payload_schema
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def key(by: Any, payload: Any) -> str:
    return UniqueEvaluation(Unique(by=by), SCHEMA).key(payload)


def test_a_key_reads_as_its_fields_do():
    assert key(["source", "guid"], {"source": "north", "guid": "17"}) == "north#17"
    assert (
        key(["source", "guid"], {"source": "https://a.example/#x", "guid": "50%"})
        == "https://a.example/%23x#50%25"
    )
    assert key("inside.id", {"source": "a", "inside": {"id": 7}}) == "7"
    assert key(["parts"], {"source": "a", "parts": [1, 2]}) == "[1,2]"


def test_the_same_values_are_one_key_however_they_are_written():
    for by in ("payload", ["pages"], ["source", "pages"]):
        assert key(by, {"source": "a", "pages": 1}) == key(by, {"pages": 1.0, "source": "a"}), by
        assert key(by, {"source": "a", "pages": 1}) == key(by, {"source": "a"}), "the default"
    assert key(["guid"], {"source": "a"}) == key(["guid"], {"source": "a", "guid": None})
    assert key(["guid"], {"guid": None}) != key(["guid"], {"guid": "null"}) != key(["guid"], {"guid": ""})
    assert key("payload", {"source": "a"}) != key("payload", {"source": "b"})


@given(st.tuples(TEXTS, TEXTS), st.tuples(TEXTS, TEXTS))
def test_two_keys_are_the_same_only_where_their_values_are(one: tuple[str, str], other: tuple[str, str]):
    made = [key(["source", "guid"], {"source": a, "guid": b}) for a, b in (one, other)]
    assert (made[0] == made[1]) == (one == other)
    assert all(text.isprintable() for text in made)


def test_a_long_key_ends_in_a_digest():
    made = {key(["source"], {"source": "x" * 1000 + end}) for end in "ab"}
    assert len(made) == 2
    assert {len(one) for one in made} == {MAX_KEY}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"by": []}, "by names 0 fields"),
        ({"by": 5}, "by is 5"),
        ({"within": "soon"}, 'within is "soon"; it must be live, ever or a number of seconds'),
        ({"within": 0}, "within is 0; it must be above 0"),
        ({"within": -1.5}, "within is -1.5"),
        ({"on_duplicate": "drop"}, 'on_duplicate is "drop"; it must be one of existing, refuse'),
        ({"on_duplicate": "replace"}, "replace needs max_wait"),
        (
            {"on_duplicate": "replace", "quiet": 9, "max_wait": 5},
            "quiet is 9, which is more than max_wait, 5",
        ),
        ({"quiet": 5}, "quiet and max_wait are for replace"),
        ({"on_duplicate": "keep-latest", "within": 60}, "within must be live"),
        ({"on_duplicate": "keep-latest", "within": "ever"}, "within must be live"),
    ],
    ids=str,
)
def test_a_rule_that_makes_no_sense_is_refused(wrong: dict[str, Any], said: str):
    with pytest.raises(DeclarationError, match=f"unique: .*{said}"):
        Unique(**wrong)
    with pytest.raises(ValueError, match=said):
        unique_of(wrong)


def test_a_field_that_the_payload_does_not_have_is_refused():
    with pytest.raises(
        DeclarationError, match=r"test\.x: unique: by names nobody; the payload has no field nobody"
    ):
        job_type("test.x", payload=Thing, unique=Unique(by=["nobody"]))
    with pytest.raises(DeclarationError, match="is no Unique"):
        job_type("test.x", unique={"by": "payload"})  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    "rule",
    [
        Unique(),
        Unique(by=["a", "b"], within=timedelta(hours=1), on_duplicate="refuse"),
        Unique(within="ever"),
        Unique(by="a", on_duplicate="replace", quiet=1, max_wait=timedelta(minutes=1)),
        Unique(on_duplicate="keep-latest"),
    ],
    ids=lambda rule: rule.rule(),
)
def test_a_rule_is_the_same_after_it_was_stored(rule: Unique):
    assert unique_of(unique_to_json(rule)) == rule


def test_the_example_declares_each_way_to_treat_a_duplicate(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    try:
        catalog = Catalog.load(["unique_entries"])
    finally:
        sys.modules.pop("unique_entries", None)
    rules = {one.name: one.options.unique for one in catalog.handled()}
    said = {
        name: (rule.on_duplicate.value, rule.held_for) for name, rule in rules.items() if rule is not None
    }  # type: ignore[union-attr]
    assert said == {
        "entries.import": ("existing", inf),
        "stock.count": ("refuse", None),
        "documents.index": ("replace", None),
        "documents.publish": ("keep-latest", None),
    }
