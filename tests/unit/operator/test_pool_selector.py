"""Label selectors, as Kubernetes' own commands take them."""

import pytest

from corral_operator.cluster.pool_selector import PoolSelector

INSTANCE = "app.kubernetes.io/instance"


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("", {}, True),
        (f"{INSTANCE}=one", {INSTANCE: "one", "other": "x"}, True),
        (f"{INSTANCE}==one", {INSTANCE: "two"}, False),
        (f" {INSTANCE} = one , team = a ", {INSTANCE: "one", "team": "a"}, True),
        (f"{INSTANCE}=one,team=a", {INSTANCE: "one"}, False),
        ("a!=b", {}, True),
        ("a!=b", {"a": "b"}, False),
        ("a", {"a": ""}, True),
        ("a", {}, False),
        ("!a", {}, True),
        ("!a", {"a": "b"}, False),
        ("a in (b, c)", {"a": "c"}, True),
        ("a in (b, c)", {"a": "d"}, False),
        ("a notin (b,c),d", {"d": "1"}, True),
        ("a notin (b,c),d", {"a": "b", "d": "1"}, False),
        ("a=", {"a": ""}, True),
        ("a=", {"a": "b"}, False),
    ],
)
def test_a_selector_selects_as_kubernetes_does(text: str, labels: dict[str, str], matches: bool):
    assert PoolSelector.of(text).matches(labels) is matches


@pytest.mark.parametrize(
    "text", ["=a", "a=b=c", "a in b", "a,,b", "a,", "a b", "(a)", "a in (b", "-a=b", ","]
)
def test_what_is_no_selector_is_refused_with_the_place(text: str):
    with pytest.raises(ValueError, match="no label selector from"):
        PoolSelector.of(text)


def test_a_pool_without_any_label_that_is_asked_for_is_nobodys():
    selector = PoolSelector.of(f"{INSTANCE}=one,team")
    assert selector.unrelated({"other": "x"})
    assert not selector.unrelated({INSTANCE: "two"})
    assert not PoolSelector.of("").unrelated({})
    assert not PoolSelector.of("!a").unrelated({"a": "b"})
