"""Values of providers: bounds, addresses, and secrets that are named and never stored."""

from pathlib import Path

import pytest

from corral.catalog.provider import Provider
from corral.catalog.same_name import one_of_each_name
from corral.errors import DeclarationError, SecretMissing
from corral.provider.path import address_of
from corral.provider.secret_reference import SecretReference
from corral.provider.values import ProviderValues, faults

SECRET = "sk-live-0123456789abcdef"  # of nobody
WRONG = {
    "a secret itself": ({"headers": {"X-Api-Key": SECRET}}, "headers/X-Api-Key"),
    "a secret with its word": ({"headers": {"Authorization": f"Bearer {SECRET}"}}, "headers/Authorization"),
    "another variable": ({"headers": {"X": "env:CORRAL_DATABASE_URL"}}, "headers/X"),
    "a file elsewhere": ({"headers": {"X": "file:../../etc/passwd"}}, "headers/X"),
    "an absolute file": ({"headers": {"X": "file:/etc/passwd"}}, "headers/X"),
    "a header of ours": ({"headers": {"Host": "env:PROVIDER_X"}}, "headers/Host"),
    "a header twice": ({"headers": {"X-A": "env:PROVIDER_X", "x-a": "env:PROVIDER_X"}}, "headers/x-a"),
    "no header": ({"headers": {"X Y": "env:PROVIDER_X"}}, "headers"),
    "no headers": ({"headers": [SECRET]}, "headers"),
    "a password": ({"url": f"https://me:{SECRET}@example.com/"}, "url"),
    "a query": ({"url": f"https://example.com/?key={SECRET}"}, "url"),
    "no address": ({"url": "ftp://example.com"}, "url"),
    "half an address": ({"url": "https://[::1"}, "url"),
    "no slots": ({"slots": 0}, "slots"),
    "no time": ({"timeout": 0}, "timeout"),
    "no rate": ({"per_second": 0}, "per_second"),
    "words": ({"per_day": "many"}, "per_day"),
    "no option": ({"password": SECRET}, "password"),
}


@pytest.mark.parametrize("name", WRONG)
def test_refused_by_name_and_without_repeating_a_secret(name: str):
    values, option = WRONG[name]
    found = list(faults(values))
    assert [one for one, _ in found] == [option]
    assert SECRET not in found[0][1]


def test_a_declaration_is_refused_by_name():
    with pytest.raises(DeclarationError, match="provider osm: slots is 0") as error:
        Provider("osm", url="https://example.com", slots=0)
    assert SECRET not in str(error.value)
    with pytest.raises(DeclarationError, match="its name has up to"):
        Provider("O S M", url="https://example.com")
    one, other = (Provider("osm", url=f"https://example.com/{n}") for n in "ab")
    with pytest.raises(DeclarationError, match="provider osm is declared twice"):
        one_of_each_name("provider", [one, one, other])


def test_what_is_not_said_is_corrals_own():
    values = ProviderValues.of(Provider("osm", url="https://example.com", per_day=5).values)
    assert (values.slots, values.timeout, values.per_second, values.per_day) == (2, 60, None, 5)


def test_a_secret_is_read_where_it_is(tmp_path: Path):
    (tmp_path / "google").write_text(f"{SECRET}\n")
    assert SecretReference.parse("file:google").read(tmp_path) == (SECRET, SECRET)
    bearer = SecretReference.parse("Bearer env:PROVIDER_OSM")
    assert bearer.read(tmp_path, {"PROVIDER_OSM": SECRET}) == (SECRET, f"Bearer {SECRET}")


@pytest.mark.parametrize(
    ("reference", "environment"),
    [
        ("env:PROVIDER_OSM", {}),
        ("env:PROVIDER_OSM", {"PROVIDER_OSM": f"{SECRET}\n{SECRET}"}),
        ("file:none", {}),
    ],
)
def test_a_secret_that_is_not_there_is_told_by_its_place(
    reference: str, environment: dict[str, str], tmp_path: Path
):
    with pytest.raises(SecretMissing) as error:
        SecretReference.parse(reference).read(tmp_path, environment)
    assert SECRET not in str(error.value)
    assert reference.partition(":")[2] in str(error.value)


PATHS = {
    "": "https://example.com/api",
    "items": "https://example.com/api/items",
    "/items/": "https://example.com/api/items/",
    "a:b@c/%20": "https://example.com/api/a:b@c/%20",
    "grün": "https://example.com/api/gr%C3%BCn",
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_stays_below_the_providers_address(path: str):
    assert address_of("https://example.com/api", path) == PATHS[path]


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "a/../../b",
        "%2e%2e/b",
        "%252e%252e/b",
        "a/%2e./b",
        "//evil.example",
        "a\\b",
        "a b",
        "a?b",
        "a#b",
        "a%2f..",
        "\x00",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str):
    with pytest.raises(ValueError):
        address_of("https://example.com/api", path)


def test_a_query_is_written_so_that_it_stays_one():
    assert address_of("https://example.com", "x", {"q": "a&b=c d"}) == "https://example.com/x?q=a%26b%3Dc+d"
