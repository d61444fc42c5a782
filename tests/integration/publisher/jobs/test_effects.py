"""Follow-ups and effects over HTTP and on the page: shown, and what is perhaps done is settled."""

from uuid import UUID

import httpx2
from tests.integration.publisher.conftest import Hand, Submit
from tests.integration.publisher.page import page_of, send

from corral.ids import new_id
from corral.job.follow_up import FollowsOn, FollowUp
from corral.job.outcome import Erred, ErrorKind, Finished, JobError
from corral.store import Store
from corral_testing.values import new_job

ERROR = JobError(ErrorKind.EXCEPTION, "builtins.ConnectionError", "the answer was lost")


async def perhaps_done(submit: Submit, hand: Hand, store: Store, *names: str) -> str:
    """A job that waits for its next try, with effects that were begun and never ended."""
    job: str = (await submit())["id"]
    attempt = await hand.claim(job)
    for name in names:
        await store.effects.begin(UUID(job), attempt, name, new_id(), repeat=False)
    await store.attempts.finish(hand.id, [Finished(UUID(job), attempt, Erred(ERROR, 3600.0))])
    return job


async def test_what_is_perhaps_done_is_told_and_settled_over_http(
    api: httpx2.AsyncClient, submit: Submit, hand: Hand, store: Store
):
    job = await perhaps_done(submit, hand, store, "sent to a/b", "paid")
    path = f"/api/v1/jobs/{job}"
    causes = (await api.get(f"{path}/why")).json()["causes"]
    told = {one["command"] for one in causes if one["code"] == "perhaps-done"}
    assert told == {
        f"corral jobs settle {job} 'sent to a/b' --done",
        f"corral jobs settle {job} paid --done",
    }
    for wrong, pointer in (
        ({"effect": "paid", "outcome": "maybe"}, "/outcome"),
        ({"outcome": "done"}, "/effect"),
        ({"effect": "paid", "outcome": "again", "receipt": 1}, ""),
        ({"effect": "paid", "outcome": "done", "receipt": "\0"}, "/receipt"),
    ):
        answer = await api.post(f"{path}/settle", json=wrong)
        assert answer.status_code == 422, answer.text
        assert [error.get("pointer", "") for error in answer.json()["errors"]] == [pointer]
    assert len((await api.get(f"{path}/effects")).json()["items"]) == 2
    done = {"effect": "sent to a/b", "outcome": "done", "receipt": {"id": 12345678901234567890}}
    answer = await api.post(f"{path}/settle", json=done)
    assert answer.status_code == 200, answer.text
    sent = next(one for one in answer.json()["items"] if one["name"] == "sent to a/b")
    assert (sent["receipt"], sent["settled_by"]) == ({"id": 12345678901234567890}, "operator")
    assert (await api.post(f"{path}/settle", json=done)).status_code == 409
    answer = await api.post(f"{path}/settle", json={"effect": "paid", "outcome": "again"})
    assert [one["name"] for one in answer.json()["items"]] == ["sent to a/b"]
    assert (await api.post(f"{path}/settle", json={"effect": "paid", "outcome": "again"})).status_code == 404
    causes = (await api.get(f"{path}/why")).json()["causes"]
    assert "perhaps-done" not in {one["code"] for one in causes}
    settled = [entry.action for entry in await store.audit.page(kind="job", subject=job)]
    assert settled == ["effect-again", "effect-done"]


async def test_a_running_job_s_effects_are_not_settled(
    api: httpx2.AsyncClient, submit: Submit, hand: Hand, store: Store
):
    job = (await submit())["id"]
    attempt = await hand.claim(job)
    await store.effects.begin(UUID(job), attempt, "paid", new_id(), repeat=False)
    answer = await api.post(f"/api/v1/jobs/{job}/settle", json={"effect": "paid", "outcome": "done"})
    assert (answer.status_code, "is running" in answer.json()["detail"]) == (409, True)


async def test_the_page_shows_effects_and_follow_ups_and_settles(
    browser: httpx2.AsyncClient, api: httpx2.AsyncClient, submit: Submit, hand: Hand, store: Store
):
    job = await perhaps_done(submit, hand, store, "paid", "sent")
    follow_up = new_job(type="test.anything", queue="post", payload="1", created_by=f"job:{job}")
    await store.jobs.run_now([UUID(job)], "ann")
    attempt = await hand.claim(job)
    announced = (FollowUp(FollowsOn.RETRY, follow_up),)
    await store.attempts.finish(hand.id, [Finished(UUID(job), attempt, Erred(ERROR, 3600.0), announced)])
    page = await page_of(browser, f"/jobs/{job}")
    assert page.text.count("perhaps done") >= 2
    assert "Done only once" in page.text
    assert "Follow-ups" in page.text
    links = {attrs.get("href") for tag, attrs in page.tags if tag == "a"}
    assert f"/jobs/{follow_up.id}" in links
    made = await page_of(browser, f"/jobs/{follow_up.id}")
    assert f"/jobs/{job}" in {attrs.get("href") for tag, attrs in made.tags if tag == "a"}
    (listed,) = (await api.get(f"/api/v1/jobs/{job}/follow-ups")).json()["items"]
    assert (listed["follow_up"], listed["on"], listed["state"]) == (str(follow_up.id), "retry", "queued")

    answer = await send(browser, f"/jobs/{job}/settle", effect="paid", outcome="done")
    assert answer.status_code == 303
    answer = await send(browser, f"/jobs/{job}/settle", effect="sent", outcome="again")
    assert answer.status_code == 303
    (effect,) = await store.effects.of(UUID(job))
    assert (effect.name, effect.settled_by) == ("paid", "ann")
    assert "done, says ann" in (await page_of(browser, f"/jobs/{job}")).text
    assert (await send(browser, f"/jobs/{job}/settle", effect="paid", outcome="done")).status_code == 409
