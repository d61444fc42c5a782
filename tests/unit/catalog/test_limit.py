"""Limits, rates and queues as code declares them: what is wrong is refused by name."""

from collections.abc import Callable
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from corral.catalog import Catalog, Limit, Queue, Rate, job_type
from corral.catalog.payloads.field import MISSING, payload_field
from corral.catalog.payloads.schema import payload_schema_of
from corral.catalog.record import record_of
from corral.errors import DeclarationError
from corral.job.backoff import Exponential
from corral.job.options import Retention


class Region(BaseModel):
    name: Literal["eu", "us"] = "eu"
    weight: float | None = None
    tags: list[str] = []


class Ask(BaseModel):
    customer_id: str
    tokens: int = 1
    region: Region = Region()
    anything: Any = None


def on_ask(*limits: Any) -> Any:
    return job_type("acme.ask", payload=Ask, limits=list(limits))


@pytest.mark.parametrize(
    ("declare", "told"),
    [
        (lambda: Limit("Open AI", total=1), "its name has up to 100 lower-case letters"),
        (lambda: Limit("openai"), "limits nothing; give total= or each="),
        (lambda: Limit("openai", total=0), "use `corral limits pause openai`"),
        (lambda: Rate("openai", 0, per=1), "use `corral limits pause openai`"),
        (lambda: Limit("openai", total=1, max_waiting=0), 'declare on_full="refuse"'),
        (lambda: Limit("openai", total=-1), "total is -1; it must be at least 1"),
        (lambda: Limit("openai", total=1.5), "total is 1.5, which is no whole number"),  # type: ignore[arg-type]
        (lambda: Limit("openai", total=True), "total is true, which is no number"),
        (lambda: Limit("openai", each=2), "name its payload field with by="),
        (lambda: Limit("openai", each=3, total=2, by="a"), "each is 3 and total only 2"),
        (lambda: Limit("openai", total=2, weights={"a": 1}), "name their payload field with by="),
        (lambda: Limit("openai", total=2, by="a", weights={"a": 0}), "weights: that of 'a' is 0"),
        (lambda: Limit("openai", total=2, by="a..b"), "by is 'a..b'"),
        (lambda: Rate("mail", 2, per=1, by="domain(to"), "is written domain(to) or domain(to, cc)"),
        (lambda: Rate("mail", 2, per=1, by="host(to)"), "is written domain(to) or domain(to, cc)"),
        (lambda: Rate("mail", 2, per=1, by="domain(to,)"), "is written domain(to) or domain(to, cc)"),
        (lambda: Limit("openai", total=2, hold="life"), "needs each=1 or total=1"),
        (lambda: Limit("openai", total=2, hold="day"), "it must be one of attempt, life"),
        (lambda: Limit("openai", total=2, on_full="drop"), "one of queue, refuse, supersede, cancel-running"),
        (lambda: Limit("openai", total=2, on_full="refuse", max_waiting=3), "two strategies"),
        (lambda: Limit("openai", per_worker=2, on_full="refuse"), "needs total= or each="),
        (lambda: Limit("openai", total=2, unit="page"), "it must be one of job, batch"),
        (lambda: Limit("openai", per_worker=2, unit="batch"), "per_worker counts jobs"),
        (lambda: Limit("openai", total=2, max_waiting=9, unit="batch"), "jobs wait one by one"),
        (lambda: Limit("openai", total=2, on_full="refuse", unit="batch"), "jobs wait one by one"),
        (lambda: Limit("openai", total=1, hold="life", unit="batch"), "is of one job"),
        (lambda: Rate("openai", 1001, per=1, at="attempt"), "is for an n of up to 1,000"),
        (lambda: Rate("openai", 10, per=1, at="attempt", deadline=1), "deadline is of calls"),
        (lambda: Rate("openai", 10, per=0), "per is 0"),
        (lambda: Rate("openai", 10, per=1, cost=11), "cost is 11 and n only 10: no job could ever start"),
        (lambda: Rate("openai", 10, per=1, cost=float("nan")), "cost is nan"),
        (
            lambda: Rate("openai", 10, per=1, cost=1e-306),
            "cost is 1e-306; it must be 0, or at least 0.000001",
        ),
        (lambda: Rate("openai", 1e-320, per=1), "it must be at least 0.000001"),
        (lambda: Rate("openai", 2000, per=1, burst=5e-324), "it must be at least 0.000001"),
        (lambda: Queue("a.b"), "lower-case letters, digits, - and _"),
        (lambda: Queue("mail", retrys=3), "no option 'retrys'; known are priority, retries"),  # type: ignore[call-arg]
        (lambda: Queue("mail", limits=[Rate("a", 5, per=1, at="call")]), "a, which is a rate of calls"),
        (lambda: Queue("mail", retries=-1), "queue mail: retries is -1"),
        (lambda: Queue("mail", limits=Limit("a", total=1)), "limits is a alone; it must be a list"),  # type: ignore[arg-type]
        (
            lambda: on_ask(Limit("a", each=1, by="customer")),
            "acme.ask: limit a: by names customer; the payload",
        ),
        (lambda: on_ask(Limit("a", each=1, by="region.nam")), "its field region has name, tags, weight"),
        (lambda: on_ask(Limit("a", each=1, by="region.tags")), "which may be a list"),
        (lambda: on_ask(Limit("a", each=1, by="region.weight")), "which may be a number with a fraction"),
        (
            lambda: on_ask(Rate("a", 9, per=1, cost="customer_id")),
            "cost names customer_id, which may be string",
        ),
        (
            lambda: on_ask(Limit("a", total=1, by="region.name", weights={"xx": 2})),
            "region.name is one of eu, us",
        ),
        (
            lambda: on_ask(Limit("a", total=1), Limit("a", total=2)),
            "declared twice and differs in total (1, 2)",
        ),
        (lambda: on_ask(*[Limit("a", total=1)] * 2), "limits names a twice"),
        (lambda: on_ask([Limit("a", total=1)]), "each list of them with a star before it"),
        (lambda: on_ask("a"), "it must hold Limit and Rate"),
        (lambda: on_ask(*(Limit(f"l{n}", total=1) for n in range(11))), "a job has at most 10"),
        (
            lambda: Limit("a", total=3, by="customer_id", on_full="supersede"),
            "limit a: on_full='supersede' makes room within a key; say with each= how many",
        ),
        (
            lambda: on_ask(Limit("a", total=1, on_full="refuse"), Limit("b", total=1, on_full="supersede")),
            "its limits a (refuse) and b (supersede) have two strategies",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_name(declare: Callable[[], object], told: str):
    with pytest.raises(DeclarationError) as refused:
        declare()
    assert told in str(refused.value)


def test_what_fits_is_kept_with_names_in_the_options():
    customer = Limit("customer", each=2, total=100, by="customer_id", weights={"acme": 3})
    tokens = Rate("tokens", 1000, per=60, cost="tokens")
    nested = Limit("region", each=1, by="region.name", weights={"eu": 2})
    anything = Limit("any", each=1, by="anything.of.it")
    declared = on_ask(customer, tokens, nested, anything)
    assert declared.limits == (customer, tokens, nested, anything)
    assert record_of(declared).options["limits"] == ["customer", "tokens", "region", "any"]
    assert customer.values == {
        "kind": "limit",
        "each": 2,
        "total": 100,
        "by": "customer_id",
        "weights": {"acme": 3},
        "hold": "attempt",
        "on_full": "queue",
    }
    assert tokens.values == {"kind": "rate", "rate": 1000, "per": 60, "cost": "tokens"}
    assert customer.module == __name__


def test_what_a_limit_does_when_it_is_full_and_for_how_long_it_is_held_is_kept():
    order = Limit("order", each=1, by="customer_id", hold="life", max_waiting=100, per_worker=3)
    assert (order.values["hold"], order.values["max_waiting"], order.values["per_worker"]) == ("life", 100, 3)
    newest = Limit("newest", each=1, by="customer_id", on_full="supersede")
    assert on_ask(order, newest).limits == (order, newest)
    assert newest.values["on_full"] == "supersede"


def test_a_queue_says_its_options_and_numbers_kept_are_jobs():
    mail = Queue(
        "mail", retries=5, backoff=Exponential(2), keep_finished=100, limits=[Limit("smtp", total=5)]
    )
    assert mail.options["keep_finished"] == {"seconds": None, "count": 100}
    assert mail.values["limits"] == ["smtp"]
    declared = job_type("mail.send", queue=mail, queues=[Queue("slow-mail"), "other"])
    assert (declared.options.queue, declared.options.queues) == ("mail", {"slow-mail", "other"})
    assert record_of(declared).options == {"queue": "mail", "queues": ["other", "slow-mail"]}
    assert declared.options.keep_finished == Retention(seconds=7 * 24 * 3600.0)


def test_two_declarations_of_one_name_that_differ_are_refused_with_both_modules():
    one = job_type("a.one", limits=[Limit("api", total=1)], queue=Queue("mail", retries=1))
    two = job_type("a.two", limits=[Limit("api", total=2)])
    with pytest.raises(
        DeclarationError, match=r"limit api is declared twice .* total \(1, 2\): in .*test_limit"
    ):
        Catalog({"a.one": one, "a.two": two})
    three = job_type("a.three", queue=Queue("mail", retries=2))
    with pytest.raises(DeclarationError, match="queue mail is declared twice and differs"):
        Catalog({"a.one": one, "a.three": three})


def test_a_limit_of_a_queue_fits_every_type_that_may_be_in_it():
    mail = Queue("mail", limits=[Limit("customer", each=1, by="customer_id")])
    fits = job_type("a.fits", payload=Ask, queue=mail)
    by_name = job_type("a.other", payload=Region, queue="mail")
    with pytest.raises(DeclarationError, match=r"a\.other: limit customer: by names customer_id"):
        Catalog({"a.fits": fits, "a.other": by_name}).records()


@pytest.mark.parametrize(
    ("path", "payload", "found"),
    [
        ("customer_id", {"customer_id": "acme"}, "acme"),
        ("tokens", {}, 1),
        ("region.name", {"region": {"name": "us"}}, "us"),
        ("customer_id", {}, MISSING),
        ("customer_id", 5, MISSING),
        ("anything.of.it", {"anything": {"of": {"it": 7}}}, 7),
        ("anything.of.it", {"anything": {"of": [1]}}, MISSING),
    ],
)
def test_a_field_is_read_by_its_path_and_has_its_default_where_it_is_left_out(
    path: str, payload: Any, found: Any
):
    assert payload_field(payload_schema_of(TypeAdapter(Ask)), path).read(payload) is found or found == 1


def test_a_field_is_read_under_each_name_that_the_model_takes():
    class Named(BaseModel):
        model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)
        customer_id: str = Field(alias="customerId")

    field = payload_field(payload_schema_of(TypeAdapter(Named)), "customerId")
    assert field.read({"customer_id": "a"}) == field.read({"customerId": "a"}) == "a"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"deadline": 5}, "deadline is of calls"),
        ({"at": "call", "deadline": 61}, "deadline is 61 and per only 60"),
        ({"at": "start"}, "at is 'start'; it must be one of claim, attempt, call"),
        ({"burst": 5}, "burst is for an n above 1,000"),
        ({"n": 5000, "burst": 5000}, "it must be below n"),
        ({"n": 5000, "cost": 600}, "cost is 600 and burst only 500"),
    ],
)
def test_a_rate_of_calls_is_checked(options: dict[str, Any], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        Rate("calls", **{"n": 10, "per": 60, **options})


def test_a_rate_is_of_the_claim_or_of_the_call_and_the_other_use_is_refused_by_name() -> None:
    calls = Rate("calls", 10, per=60, at="call")
    assert calls.values == {"kind": "rate", "rate": 10, "per": 60, "cost": 1, "at": "call", "deadline": 3.0}
    attempts = Rate("attempts", 10, per=60, at="attempt")
    assert attempts.values == {"kind": "rate", "rate": 10, "per": 60, "cost": 1, "at": "attempt"}
    assert Limit("batches", total=2, unit="batch").values["unit"] == "batch"
    assert "unit" not in Limit("jobs", total=2).values
    assert "at" not in Rate("started", 10, per=60).values
    with pytest.raises(DeclarationError, match="limits names calls, which is a rate of calls"):
        job_type("acme.ask", limits=[calls])
