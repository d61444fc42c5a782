"""The operator's settings, and the things that several files say."""

import re
from pathlib import Path

import pytest
import yaml

from corral.errors import SettingsError
from corral.scaling.decision import Condition
from corral.settings import names
from corral_operator.cluster import schema
from corral_operator.reports.status import READY, Trouble
from corral_operator.settings import OperatorSettings

ROOT = Path(__file__).parents[3]
CRD = ROOT / "charts/corral/crds/workerpool.yaml"
REDIS = {"CORRAL_REDIS_URL": "redis://r:6379/0"}


def test_redis_is_enough():
    settings = OperatorSettings.load({**REDIS, "CORRAL_REDIS_PASSWORD": "p/w"})
    assert settings.redis_url == "redis://:p%2Fw@r:6379/0"
    assert settings.operator_lease == "corral-operator"


def test_an_unknown_variable_is_refused():
    with pytest.raises(
        SettingsError, match=r"CORRAL_NAMSPACE: unknown setting .* did you mean CORRAL_NAMESPACE"
    ):
        OperatorSettings.load({**REDIS, "CORRAL_NAMSPACE": "x"})


def test_a_selector_of_another_form_is_refused_with_the_forms_that_there_are():
    with pytest.raises(SettingsError, match=r"CORRAL_POOL_SELECTOR: .*no label selector from 'a==='"):
        OperatorSettings.load({**REDIS, "CORRAL_POOL_SELECTOR": "a==="})


def test_an_error_names_the_variable():
    with pytest.raises(SettingsError, match="CORRAL_METRICS_PORT: '70000'"):
        OperatorSettings.load({**REDIS, "CORRAL_METRICS_PORT": "70000"})


def test_the_resource_and_the_operator_are_of_one_version():
    crd = yaml.safe_load(CRD.read_text())
    root = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert crd["metadata"]["annotations"]["corral.dev/schema-version"] == str(schema.VERSION)
    assert re.search(r"Schema version (\d+)", root["description"])[1] == str(schema.VERSION)
    assert schema.COMMAND in CRD.read_text()


def test_the_page_lists_every_setting_and_metric():
    from corral_operator.reports import metrics  # noqa: PLC0415

    page = (ROOT / "docs/reference/operator.md").read_text()
    listed = set(re.findall(r"`(CORRAL_[A-Z_]+|corral_operator_[a-z_]+)`", page))
    metrics = {
        one._name + ("_total" if one._type == "counter" else "")
        for one in vars(metrics).values()
        if hasattr(one, "_labelnames")
    }
    assert set(names(OperatorSettings)) | metrics <= listed


def test_the_crd_names_every_condition():
    versions = yaml.safe_load(CRD.read_text())["spec"]["versions"]
    status = versions[0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    told = set(status["conditions"]["description"].rstrip(".").split(", "))
    reasons_of_ready = {Trouble.TARGET_MISSING}
    assert told == {READY, *Condition, *Trouble} - reasons_of_ready
