"""What the env file says: references between its variables, and what can't be said."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.errors import SettingsError
from corral.process.env_file import read_env_file
from corral.settings import Settings


@pytest.fixture
def read(tmp_path):
    """Read such a file, in such an environment."""

    def read(text: str | bytes, env: dict[str, str] | None = None) -> dict[str, str]:
        file = tmp_path / "some.env"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_env_file(file, env or {})

    return read


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("${A}", "a"),
        ("x${A}y${B}z", "xayabz"),
        ('"${A} ${B}"', "a ab"),
        ("'${A}'", "${A}"),
        ("$${A}", "${A}"),
        (r"\${A}", "${A}"),
        ("$A", "$A"),
        ("pa$$word$", "pa$$word$"),
        ("100% ${A}", "100% a"),
        ("${OF_ENV}", "from the environment"),
        ("${BOTH}", "the environment's"),
        ("${EMPTY}", ""),
        ("${NONE:-else}", "else"),
        ("${NONE-else}", "else"),
        ("${EMPTY:-else}", "else"),
        ("${EMPTY-else}", ""),
        ("${A:-else}", "a"),
        ("${NONE:-}", ""),
        ("${NONE:-${B}}", "ab"),
        ("${NONE:-{${A}}}", "{a}"),
        ("${A:+instead}", "instead"),
        ("${NONE:+instead}", ""),
        ("${A:?must be}", "a"),
        ("${LATER}", "later a"),
        ("$${}", "${}"),
        ("$${1A}", "${1A}"),
        (r"\${A!}", "${A!}"),
        ("'${1A}'", "${1A}"),
        ("${A", "${A"),
        ("${A!${A}", "${A!a"),
        ("it's ${A} # comment", "it's a"),
    ],
)
def test_a_reference_is_replaced_from_the_environment_and_the_file(read, value, meaning):
    text = f"A=a\nB=${{A}}b\nEMPTY=\nBOTH=the file's\nCORRAL_X={value}\nLATER=later ${{A}}\n"
    env = {"OF_ENV": "from the environment", "BOTH": "the environment's"}
    assert read(text, env)["CORRAL_X"] == meaning


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "CORRAL_X=${NOPE}",
            r"CORRAL_X: in .*some.env its value names \$\{NOPE\}: NOPE is set neither there nor",
        ),
        ("CORRAL_X=${A}\nA=${NOPE}", "CORRAL_X: .*NOPE"),
        ("CORRAL_X=${NOPE:?say where}", "CORRAL_X: .*NOPE.*: say where"),
        ("A=\nCORRAL_X=${A:?}", r"CORRAL_X: .*\$\{A\}"),
        ("CORRAL_X=${A}\nA=${B}\nB=x${A}", "CORRAL_X: .*in a circle: A → B → A"),
        ("CORRAL_X=${CORRAL_X}", "CORRAL_X: .*in a circle: CORRAL_X → CORRAL_X"),
        *(
            (f"A=a\nCORRAL_X=pa{text}", r"^CORRAL_X: in .*some.env its value holds \$\{…\} without the name")
            for text in ("${}", "${1A}", "${A!}", "${U=x}", "${ A}")
        ),
        ("\nCORRAL_X: 5", "line 2: this is no NAME=value"),
        (b"CORRAL_X=\xff", "it is not written in UTF-8"),
    ],
)
def test_what_can_not_be_replaced_is_refused_by_name(read, text, reason):
    with pytest.raises(SettingsError, match=reason):
        read(text)


def test_what_others_have_in_the_file_is_their_business(read):
    assert read("A=${NOPE}\nB=${B}\nC: 5\nCORRAL_X=1") == {"A": "${NOPE}", "B": "${B}", "CORRAL_X": "1"}
    assert read("A=a\nD=${1A}x${A}") == {"A": "a", "D": "${1A}x${A}"}


def test_a_file_that_can_not_be_read_is_told(tmp_path):
    with pytest.raises(SettingsError, match="it can't be read: Is a directory"):
        read_env_file(tmp_path, {})


def test_a_byte_order_mark_is_no_piece_of_a_name(read):
    assert read("\ufeffCORRAL_X=ä\r\nexport B=2\r\n") == {"CORRAL_X": "ä", "B": "2"}


def test_settings_come_from_references(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(
        "POSTGRES_USER=u\nPOSTGRES_DB=x\n"
        "CORRAL_DATABASE_URL=postgresql://${POSTGRES_USER}@${PG:-db}:5432/${POSTGRES_DB}\n"
        "CORRAL_DATABASE_PASSWORD=${SECRET}\nCORRAL_REDIS_URL=redis://cache\n"
    )
    settings = Settings.load({"SECRET": "p@ss/word"})
    assert settings.database_url == "postgresql://u:p%40ss%2Fword@db:5432/x"
    with pytest.raises(SettingsError, match="SECRET"):
        Settings.load({})


@given(st.text(st.characters(codec="ascii", exclude_characters="\0\r\n'\"#\\`"), max_size=30))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    file = tmp_path_factory.mktemp("env") / "x.env"
    file.write_text(f"CORRAL_X={text}")
    if "${" not in text:
        assert read_env_file(file, {})["CORRAL_X"] == text.strip()
        return
    with suppress(SettingsError):
        read_env_file(file, {})
