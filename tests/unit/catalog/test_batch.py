"""Batches as they are declared, and as operators set them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from corral.catalog import Batch, job, job_type
from corral.catalog.batch_key import BatchKeys
from corral.catalog.options_json import options_from_json
from corral.catalog.precedence import PLAIN, Source, settle
from corral.catalog.record import TypeRecord, record_of
from corral.context import BatchJob, Context, SyncBatchJob
from corral.errors import DeclarationError, InvalidInput


class Item(BaseModel):
    source: str
    tags: list[str] = []


class Stored(BaseModel):
    id: int


def test_models_are_those_of_one_job():
    @job("feeds.store", batch=Batch(size=10, wait=3, by="source"))
    async def store(jobs: Sequence[BatchJob[Item]]) -> dict[UUID, Stored | Exception] | None:
        return None

    @job("feeds.plain", batch=Batch())
    def plain(jobs):
        return None

    assert (store.payload_model, store.result_model) == (Item, Stored)
    assert (plain.payload_model, plain.result_model, plain.executor) == (None, None, "thread")
    assert store.options.batch == Batch(size=10, wait=3, by="source")
    assert record_of(store).options["batch"] == {"size": 10, "wait": 3, "max_bytes": None, "by": "source"}
    assert record_of(store).parsed_options.batch == store.options.batch


def test_a_handler_of_batches_takes_the_jobs_and_nothing_else():
    with pytest.raises(DeclarationError, match=r"Sequence\[BatchJob\[Model\]\]"):

        @job("a.b", batch=Batch())
        async def one(payload: Item) -> None: ...

    with pytest.raises(DeclarationError, match="takes one argument"):

        @job("a.b", batch=Batch())
        async def two(jobs: list[BatchJob[Item]], ctx: Context) -> None: ...

    with pytest.raises(DeclarationError, match="takes one argument"):

        @job_type("a.b", executor="thread", batch=Batch()).handler
        def none() -> None: ...

    @job_type("a.b", payload=Item, executor="thread", batch=Batch()).handler
    def fine(jobs: list[SyncBatchJob[Item]]) -> None: ...


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (Batch(size=0), "batch.size is 0; it must be at least 1 and at most 1,000 jobs"),
        (Batch(size=2.5), "batch.size is 2.5, which is no whole number"),
        (Batch(wait=-1), "batch.wait is -1; it must be at least 0"),
        (Batch(max_bytes=0), "batch.max_bytes is 0"),
        (Batch(by=""), 'batch.by is ""'),
        (Batch(by="sauce"), "batch.by names sauce; the payload has no field sauce; it has source, tags"),
        ({"size": 5}, "is no Batch; write Batch"),
    ],
)
def test_what_makes_no_sense_is_refused_at_import(batch: Any, message: str):
    with pytest.raises(DeclarationError, match=r"job type a\.b: ") as refused:
        job_type("a.b", payload=Item, batch=batch)
    assert message in str(refused.value)


def test_an_operator_sets_parts_and_the_others_stay_as_declared():
    declared = {"batch": {"size": 100, "wait": 3, "max_bytes": None, "by": "source"}}
    settled = settle(declared, PLAIN, {}, {"batch": {"size": 50}})
    assert settled.options.batch == Batch(size=50, wait=3, by="source")
    assert settled.sources["batch"] is Source.OVERRIDE
    record = TypeRecord("a", None, None, declared, "1", overrides={"batch": {"wait": 1}})
    assert record.parsed_options.batch == Batch(size=100, wait=1, by="source")
    assert settle({}, PLAIN, {}, {"batch": {"size": 50}}).options.batch is None, "its handler takes one job"
    assert options_from_json({"batch": {"size": 10**6, "later": 1}}).batch == Batch(size=1000)


def test_jobs_of_one_value_have_one_key():
    keys = BatchKeys("a.b", "source", {"type": "object", "properties": {"source": {}}})
    assert keys.of({"source": 5}) == keys.of({"source": 5.0}) == "a.b=5"
    assert keys.of({}) == keys.of({"source": None}) == "a.b=*" != keys.of({"source": "*"})
    with pytest.raises(InvalidInput, match="is a list; jobs are handled together by it"):
        keys.of({"source": []})
    assert BatchKeys("a.b", None, None).of([1]) == "a.b=*"
