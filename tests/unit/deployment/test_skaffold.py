"""skaffold.yaml: what its schema can't say, and its schema where that is at hand."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest
import yaml
from tests.images.belonging import ROOT, carried

SCHEMA = ROOT.parent / "shared" / "schemas" / "skaffold-v4beta13.json"
IMAGES = {"corral-publisher", "corral-worker", "corral-operator"}


@pytest.fixture(scope="module")
def config() -> Any:
    return yaml.safe_load((ROOT / "skaffold.yaml").read_text())


def builds(config: Any) -> dict[str, list[Any]]:
    """The artifacts of the file itself, under "", and of each profile."""
    profiles = {one["name"]: one["build"]["artifacts"] for one in config["profiles"]}
    return {"": config["build"]["artifacts"], **profiles}


def test_it_is_of_the_version_that_was_tried(config):
    assert (config["apiVersion"], config["kind"]) == ("skaffold/v4beta13", "Config")


@pytest.mark.needs("the schema of skaffold", SCHEMA.exists(), f"{SCHEMA.name} from skaffold, as {SCHEMA}")
def test_it_follows_the_schema(config):
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))
    assert [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(config)] == []
    assert not validator.is_valid({**config, "builds": {}})


def test_every_profile_builds_all_images_from_dockerfiles_that_exist(config):
    assert set(builds(config)) == {"", "dev", "cluster", "cluster-dev"}
    for artifacts in builds(config).values():
        assert {one["image"] for one in artifacts} == IMAGES
        for one in artifacts:
            service = one["image"].removeprefix("corral-")
            if "docker" in one:
                assert one["docker"]["dockerfile"] == f"Dockerfile.{service}"
            else:
                code = {f"services/{folder}" for folder in carried(service)}
                paths = {f"Dockerfile.{service}", "requirements"} | code
                assert set(one["custom"]["dependencies"]["paths"]) == paths
                assert f"-f Dockerfile.{service} " in one["custom"]["buildCommand"]
            assert (ROOT / f"Dockerfile.{service}").is_file()


def test_images_into_which_code_is_copied_are_those_that_start_again_when_it_changes(config):
    for artifacts in builds(config).values():
        for one in artifacts:
            target = one.get("docker", {}).get("target") == "dev" or "--target dev" in str(one.get("custom"))
            assert target == ("sync" in one)


def test_code_is_copied_to_where_the_image_runs_it(config):
    for artifacts in builds(config).values():
        for one in artifacts:
            dockerfile = (ROOT / f"Dockerfile.{one['image'].removeprefix('corral-')}").read_text()
            for rule in one.get("sync", {}).get("manual", []):
                folder = rule["src"].removesuffix("/**")
                package = folder.removeprefix(rule["strip"])
                assert (ROOT / folder / "__init__.py").is_file()
                assert f"COPY --chown=10001:10001 {folder} /code/{package}\n" in dockerfile
                assert re.search(rf"^ENV PYTHONPATH={rule['dest']}\b", dockerfile, re.MULTILINE)


def test_it_sets_the_images_of_all_components_and_values_that_exist(config):
    (release,) = config["deploy"]["helm"]["releases"]
    values = yaml.safe_load((ROOT / release["chartPath"] / "values.yaml").read_text())
    for key in release["setValueTemplates"]:
        value = values
        for part in key.split("."):
            assert part in value, key
            value = value[part]
    named = "".join(release["setValueTemplates"].values())
    assert all(image.replace("-", "_") in named for image in IMAGES)
    added = [patch["value"] for one in config["profiles"] for patch in one.get("patches", [])]
    files = [*release["valuesFiles"], *(value for value in added if isinstance(value, str))]
    assert all((ROOT / file).is_file() for file in files)


def test_verify_sends_the_job_that_helm_test_sends(config):
    (case,) = config["verify"]
    manifest = yaml.safe_load(
        (ROOT / case["executionMode"]["kubernetesCluster"]["jobManifestPath"]).read_text()
    )
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    assert container["name"] == case["container"]["name"]
    helm = (ROOT / "charts/corral/templates/tests/echo.yaml").read_text()
    told = re.search(r"args: \[(corral, jobs, submit, [^\]]+)\]", helm)
    assert told is not None
    words = [word.strip() for word in told[1].split(",")]
    ours = case["container"]["args"]
    assert [ours[i] for i in (0, 1, 2, 3, 4, -1)] == [words[i] for i in (0, 1, 2, 3, 4, -1)]
