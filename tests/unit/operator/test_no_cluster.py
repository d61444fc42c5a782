"""The operator is started outside of a cluster."""

from pathlib import Path

import pytest
from tests.fixtures.kubeconfig import written_kubeconfig

from corral_operator.cluster.api import Api, NoCluster


@pytest.mark.parametrize("written", [None, "", "not: a kubeconfig\n", "[]", ": [", "clusters: 5\n", "\0"])
async def test_without_a_cluster_it_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str | None
):
    named = tmp_path / "config"
    if written is not None:
        named.write_text(written)
    monkeypatch.setenv("KUBECONFIG", str(named))
    with pytest.raises(NoCluster, match=r"no cluster to work in: .*KUBECONFIG"):
        await Api.open()


async def test_a_pod_without_a_service_account_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")
    with pytest.raises(NoCluster, match="service account"):
        await Api.open()


async def test_the_file_is_the_one_that_is_named_when_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The library reads the variable when it is imported, which was long ago here."""
    monkeypatch.setenv("KUBECONFIG", str(written_kubeconfig(tmp_path, "127.0.0.1:1")))
    api = await Api.open()
    try:
        assert api._configuration.host == "http://127.0.0.1:1"
    finally:
        await api.close()
