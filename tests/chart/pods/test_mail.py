"""Mail in the chart: a server, a sink, or none; and what the notes say of it."""

import pytest
from tests.chart.helm import Helm, Manifest, Refused
from tests.chart.network.edges import Edges
from tests.chart.objects import of_kind, pods

MAIL = {"CORRAL_SMTP_HOST", "CORRAL_SMTP_PORT", "CORRAL_SMTP_SECURITY", "CORRAL_SMTP_FROM"}
SERVER = (
    "--set",
    "existingSecret=x",
    "--set",
    "mail.host=smtp.example.org",
    "--set",
    "mail.from=c@example.org",
)


def environment(objects: list[Manifest], component: str) -> dict[str, object]:
    """What the containers of a component are told of mail."""
    (spec,) = [
        spec for _, meta, spec in pods(objects) if meta["labels"]["app.kubernetes.io/component"] == component
    ][:1]
    env = spec["containers"][0]["env"]
    return {
        entry["name"]: entry.get("value", entry.get("valueFrom"))
        for entry in env
        if entry["name"].startswith(("CORRAL_SMTP", "CORRAL_MAIL"))
    }


def test_without_a_server_nobody_is_told_of_one_and_no_sink_runs(helm: Helm):
    objects = helm.render("--set", "existingSecret=x")
    assert environment(objects, "worker") == environment(objects, "publisher") == {}
    assert not [one for one in of_kind(objects, "Deployment") if "mail" in one["metadata"]["name"]]


def test_a_server_is_told_to_workers_and_publishers_with_its_password_from_the_secret(helm: Helm):
    objects = helm.render(
        *SERVER, "--set", "mail.user=corral", "--set", "mail.existingSecret=m", "--set", "mail.port=2525"
    )
    told = environment(objects, "worker")
    assert told == environment(objects, "publisher")
    assert told.keys() == MAIL | {"CORRAL_SMTP_USER", "CORRAL_SMTP_PASSWORD"}
    assert told["CORRAL_SMTP_PORT"] == "2525"
    assert told["CORRAL_SMTP_PASSWORD"] == {"secretKeyRef": {"name": "m", "key": "smtp-password"}}
    edges = Edges(objects)
    assert edges.allow("worker", "private", 2525)
    assert not edges.allow("publisher", "private", 2525)


def test_the_sink_runs_as_a_pod_that_workers_alone_reach(helm: Helm):
    objects = helm.render("--set", "existingSecret=x", "--set", "mail.sink=true")
    (service,) = [
        one for one in of_kind(objects, "Service") if one["metadata"]["name"].endswith("-mail-sink")
    ]
    assert environment(objects, "worker")["CORRAL_SMTP_HOST"] == service["metadata"]["name"]
    assert environment(objects, "publisher")["CORRAL_MAIL_SINK"] == "true"
    edges = Edges(objects)
    assert edges.allow("worker", "mail-sink", 1025)
    assert edges.allow("mail-sink", "postgres", 5432)
    assert not edges.allow("publisher", "mail-sink", 1025)
    assert not edges.allow("anybody", "mail-sink", 1025)
    assert not edges.allow("mail-sink", "outside", 443)


def test_what_contradicts_itself_is_refused(helm: Helm):
    with pytest.raises(Refused) as refused:
        helm.render("--set", "existingSecret=x,mail.host=h,mail.sink=true,smtp.host=h")
    for words in (
        "mail.from: say who sends",
        "mail.host and mail.sink",
        "smtp is not read: its name is mail",
    ):
        assert words in str(refused.value)
