from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from corral.catalog import Catalog, JobType, job, job_type
from corral.context import Context, SyncContext
from corral.errors import DeclarationError
from corral.job.backoff import Exact, Exponential, Fixed
from corral.job.options import Executor, Retention


class Mail(BaseModel):
    to: str
    customer: int = 0


class Sent(BaseModel):
    id: str


def test_options_may_be_written_as_plain_numbers_words_and_lists():
    declared = job_type(
        "mail.send",
        payload=Mail,
        queue="mail",
        queues=["mail-bulk"],
        priority="high",
        backoff=[1, 2, timedelta(seconds=4)],
        timeout=timedelta(minutes=1),
        keep_failed=60,
        keep_finished=timedelta(hours=1),
        search=["customer"],
        executor="process",
    )
    options = declared.options
    assert options.backoff == Exact((1.0, 2.0, 4.0))
    assert options.timeout == 60.0
    assert options.keep_failed == Retention(count=60)
    assert options.keep_finished == Retention(seconds=3600.0)
    assert options.executor is Executor.PROCESS
    assert (options.queue, options.queues) == ("mail", frozenset({"mail-bulk"}))


def test_a_number_as_backoff_is_a_fixed_wait():
    assert job_type("a", backoff=5).options.backoff == Fixed(5.0)
    assert job_type("a", backoff=Exponential(2)).options.backoff == Exponential(2)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"retries": -1}, "retries is -1; it must be at least 0 and at most 1,000 tries"),
        ({"retries": 1.5}, "retries: 1.5"),
        ({"retries": 10**5000}, "retries is a whole number of more than 24 digits"),
        ({"timeout": 0}, "timeout is 0; it must be above 0 and at most 604,800 seconds"),
        ({"timeout": 10**400}, "timeout: a whole number of more than 24 digits is too large"),
        ({"timeout": timedelta.max}, "timeout is 86,400,000,000,000"),
        ({"keep_finished": timedelta(days=40_000)}, "keep_finished: seconds is 3,456,000,000"),
        ({"keep_failed": Retention(count=-1)}, "keep_failed: count is -1"),
        ({"keep_failed": float("nan")}, "keep_failed: nan is neither a whole number of jobs"),
        ({"expires_in": float("inf")}, "expires_in is inf"),
        ({"tags": ["a\0b"]}, "tags: 'a\\x00b'"),
        ({"priority": "urgent"}, "'urgent' is none of critical, high, normal, low"),
        ({"executor": "gpu"}, "gpu"),
        ({"queue": "a.b"}, "'a.b'"),
        ({"queues": "mail"}, "queues: 'mail'"),
        ({"backof": 1}, "'backof'"),
        ({"search": ["nowhere"]}, "nowhere"),
        ({"delay": "soon"}, "'soon'"),
        ({"backoff": []}, "0 waits"),
        ({"memory_limit": 8, "executor": "process"}, "memory_limit is 8; it must be at least 32"),
        ({"memory_limit": 64.5, "executor": "process"}, "memory_limit: 64.5 is not a whole number"),
        ({"memory_limit": 64}, "only attempts in processes have one; executor is async"),
    ],
)
def test_a_wrong_option_is_refused_with_its_name_and_value(options: dict[str, Any], told: str):
    with pytest.raises(DeclarationError, match=r"job type mail\.send") as refused:
        job_type("mail.send", payload=Mail, **options)
    assert told in str(refused.value)


@pytest.mark.parametrize("name", ["", "Mail", "a b", ".a", "a.", "x" * 101, "mail\n"])
def test_a_wrong_name_is_refused(name: str):
    with pytest.raises(DeclarationError, match="job type name"):
        job_type(name)


async def both(payload: Mail, ctx: Context) -> Sent: ...


async def payload_only(mail: Mail) -> None: ...


async def context_only(ctx: Context) -> None: ...


async def neither() -> None: ...


async def with_default(payload: Mail, ctx: Context, dry: bool = False) -> None: ...


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (both, ("payload", "context")),
        (payload_only, ("payload",)),
        (context_only, ("context",)),
        (neither, ()),
        (with_default, ("payload", "context")),
    ],
)
def test_a_handler_is_called_with_what_it_takes(function: Any, arguments: tuple[str, ...]):
    declared: JobType[Any, Any] = job_type("mail.send", payload=Mail)
    declared.handler(function)
    assert declared.attached is not None
    taken = (declared.attached.takes_payload, declared.attached.takes_context)
    assert taken == ("payload" in arguments, "context" in arguments)
    assert declared.attached.function is function


def test_a_handler_that_does_not_fit_its_executor_is_refused():
    def plain(payload: Mail) -> None: ...

    async def coroutine(payload: Mail) -> None: ...

    for executor, function, told in (
        ("async", plain, "async def"),
        ("thread", coroutine, "coroutine"),
        ("process", plain, "inside a function"),
    ):
        with pytest.raises(DeclarationError, match=told):
            job_type("mail.send", payload=Mail, executor=executor).handler(function)


def test_a_handler_with_too_many_parameters_is_refused():
    async def greedy(payload: Mail, ctx: Context, more: int) -> None: ...

    async def keyword(payload: Mail, *, ctx: Context) -> None: ...

    for function in (greedy, keyword):
        with pytest.raises(DeclarationError):
            job_type("mail.send", payload=Mail).handler(function)


def test_a_second_handler_is_refused():
    declared = job_type("mail.send", payload=Mail)
    declared.handler(both)
    with pytest.raises(DeclarationError, match="two handlers"):
        declared.handler(payload_only)


def test_job_takes_models_from_annotations_and_the_executor_from_the_function():
    @job("mail.send", queue="mail")
    async def send(mail: Mail, ctx: Context) -> Sent: ...

    @job("mail.count")
    def count(ctx: SyncContext) -> int: ...

    assert (send.payload_model, send.result_model) == (Mail, Sent)
    assert send.executor is Executor.ASYNC
    assert (count.payload_model, count.result_model) == (None, int)
    assert count.executor is Executor.THREAD


def test_a_declared_function_can_still_be_called():
    @job("mail.count")
    def count(mail: Mail) -> int:
        return len(mail.to)

    assert count(Mail(to="ada")) == 3
    with pytest.raises(DeclarationError, match="no handler here"):
        job_type("mail.other")()


def test_a_timeout_on_a_thread_is_warned_about():
    with pytest.warns(UserWarning, match="can't be killed"):
        job_type("mail.count", executor="thread", timeout=5)


def test_two_types_of_one_name_are_refused(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = "from corral.catalog import job_type\nsame = job_type('twice')\n"
    (tmp_path / "twice_one.py").write_text(source)
    (tmp_path / "twice_two.py").write_text(source)
    with pytest.raises(DeclarationError, match="twice_one and twice_two"):
        Catalog.load(["twice_one", "twice_two"])


def test_a_module_that_does_not_exist_is_named():
    with pytest.raises(DeclarationError, match="no_such_jobs"):
        Catalog.load(["no_such_jobs"])


def test_declaration_and_handlers_meet_in_the_catalog(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "apart_jobs.py").write_text(
        "from corral.catalog import job_type\n"
        "send = job_type('apart.send', queue='apart', queues=['bulk'])\n"
        "other = job_type('apart.other', queue='bulk', executor='process')\n"
    )
    (tmp_path / "apart_handlers.py").write_text(
        "from apart_jobs import send\n@send.handler\nasync def do_send(payload): return payload\n"
    )
    catalog = Catalog.load(["apart_jobs", "apart_handlers"])
    assert {declared.name for declared in catalog} == {"apart.send", "apart.other"}
    assert {declared.name for declared in catalog.handled()} == {"apart.send"}
    assert catalog.queues() == {"apart", "bulk"}
    assert catalog.executors("bulk") == {Executor.ASYNC, Executor.PROCESS}
    assert [record.name for record in catalog.records()] == ["apart.other", "apart.send"]
