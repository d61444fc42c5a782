"""Addresses of Postgres as people have them: each is taken, as libpq then reads it, or refused with what to write."""

import pytest
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from corral.errors import SettingsError
from corral.settings import Settings
from corral.settings.database_address import PARAMETERS, database_address

H = {"user": "u", "password": "pw", "host": "h", "port": "5432", "dbname": "x"}
TAKEN = {
    "postgresql://u:pw@h:5432/x": H,
    "postgres://u:pw@h:5432/x": H,
    "POSTGRES://u:pw@h:5432/x": H,
    "postgresql+psycopg://u:pw@h:5432/x": H,
    "postgresql+psycopg2://u:pw@h:5432/x": H,
    "postgresql+asyncpg://u:pw@h:5432/x": H,
    "postgresql+psycopg_async://u:pw@h:5432/x": H,
    "postgis://u:pw@h:5432/x": H,
    "jdbc:postgresql://h:5432/x?user=u&password=pw": H,
    "jdbc:postgresql://h:5432/x?user=u&password=pw&ssl=true": H | {"sslmode": "require"},
    # As they come out of files, secrets and shells
    "postgresql://u:pw@h:5432/x\n": H,
    "  postgresql://u:pw@h:5432/x \r\n": H,
    '"postgresql://u:pw@h:5432/x"': H,
    "'postgresql://u:pw@h:5432/x'\n": H,
    # Less than everything
    "postgresql://u:pw@h/x": {"user": "u", "password": "pw", "host": "h", "dbname": "x"},
    "postgresql://u:pw@h": {"user": "u", "password": "pw", "host": "h"},
    "postgresql://u:pw@h/": {"user": "u", "password": "pw", "host": "h"},
    "postgresql://u:pw@h:/x": {"user": "u", "password": "pw", "host": "h", "dbname": "x"},
    "postgresql://u@h/x": {"user": "u", "host": "h", "dbname": "x"},
    "postgresql://u:@h/x": {"user": "u", "host": "h", "dbname": "x"},
    "postgresql://h/x": {"host": "h", "dbname": "x"},
    "postgresql:///x": {"dbname": "x"},
    # Sockets and IPv6
    "postgresql:///x?host=/var/run/postgresql": {"dbname": "x", "host": "/var/run/postgresql"},
    "postgresql://u@/x?host=/tmp&port=5433": {"user": "u", "dbname": "x", "host": "/tmp", "port": "5433"},
    "postgresql://u@%2Fvar%2Frun%2Fpostgresql/x": {"user": "u", "host": "/var/run/postgresql", "dbname": "x"},
    "postgresql://u@%2Ftmp:5433/x": {"user": "u", "host": "/tmp", "port": "5433", "dbname": "x"},
    "postgresql://u:pw@[::1]:5432/x": H | {"host": "::1"},
    "postgresql://u@[2001:db8::1]/x": {"user": "u", "host": "2001:db8::1", "dbname": "x"},
    # Several servers
    "postgresql://u:pw@a:5432,b:5433/x": H | {"host": "a,b", "port": "5432,5433"},
    "postgresql://u:pw@a,b/x?target_session_attrs=read-write": {
        "user": "u", "password": "pw", "host": "a,b", "port": ",", "dbname": "x", "target_session_attrs": "read-write",
    },
    "postgresql+psycopg2://u:pw@/x?host=a:5432&host=b:5433": H | {"host": "a,b", "port": "5432,5433"},
    "postgresql://u@[::1],b:1/x": {"user": "u", "host": "::1,b", "port": ",1", "dbname": "x"},
    # Parameters
    "postgresql://u:pw@h:5432/x?sslmode=prefer": H | {"sslmode": "prefer"},
    "postgresql://u:pw@h:5432/x?sslmode=verify-full&sslrootcert=/ca/ca.crt": H
    | {"sslmode": "verify-full", "sslrootcert": "/ca/ca.crt"},
    "postgresql://u:pw@h:5432/x?sslmode=require&sslmode=require": H | {"sslmode": "require"},
    "postgresql://u:pw@h:5432/x?ssl=true&sslmode=verify-full": H | {"sslmode": "verify-full"},
    "postgresql://u:pw@h:5432/x?user=u&password=pw&dbname=x": H,
    "postgresql://u:pw@h:5432/x?require_auth=scram-sha-256,md5": H | {"require_auth": "scram-sha-256,md5"},
    "postgresql://u:pw@h:5432/x?require_auth=!password,!none": H | {"require_auth": "!password,!none"},
    "postgresql://u:pw@h:5432/x?hostaddr=10.0.0.1": H | {"hostaddr": "10.0.0.1"},
    "postgresql://u:pw@h:5432/x?hostaddr=10.0.0.1,,::1": H | {"hostaddr": "10.0.0.1,,::1"},
    "postgresql://u:pw@h:5432/x?ssl_min_protocol_version=tlsv1.3": H | {"ssl_min_protocol_version": "tlsv1.3"},
    "postgresql://u:pw@h:5432/x?max_protocol_version=latest": H | {"max_protocol_version": "latest"},
    "postgresql://u:pw@h:5432/x?options=-c%20a.b%3D1%20--c-d=x%5C%20y%20-ce=2": H
    | {"options": "-c a.b=1 --c-d=x\\ y -ce=2"},
    "postgresql://u:pw@h:5432/x?options=endpoint%3Dcool": H | {"options": "endpoint=cool"},
    "postgresql+asyncpg://u:pw@h:5432/x?ssl=require": H | {"sslmode": "require"},
    "postgresql://u:pw@h:5432/x?connect_timeout=3&application_name=mine": H
    | {"connect_timeout": "3", "application_name": "mine"},
    "postgresql://u:pw@h:5432/x?options=-c%20work_mem%3D5MB": H | {"options": "-c work_mem=5MB"},
    "postgresql://u:pw@h:5432/x?options=endpoint%3Dep-cool-darkness-1": H | {"options": "endpoint=ep-cool-darkness-1"},
    "postgresql://u:pw@h:5432/x?client_encoding=utf8&": H | {"client_encoding": "utf8"},
    "postgresql://u:pw@h:5432/x?keepalives_idle=10": H | {"keepalives_idle": "10"},
    # Passwords and users of every kind
    "postgresql://u:p%40s%2Fs%23w%3Ford%25@h:5432/x": H | {"password": "p@s/s#w?ord%"},
    "postgresql://u:p@ss@h:5432/x": H | {"password": "p@ss"},
    "postgresql://u:pa#ss@h:5432/x": H | {"password": "pa#ss"},
    "postgresql://u:a:b@h:5432/x": H | {"password": "a:b"},
    "postgresql://u:p w@h:5432/x": H | {"password": "p w"},
    "postgresql://u:100%@h:5432/x": H | {"password": "100%"},
    "postgresql://u:p%zz&=+$!@h:5432/x": H | {"password": "p%zz&=+$!"},
    "postgresql://u:pä€😀@h:5432/x": H | {"password": "pä€😀"},
    "postgresql://me@server:pw@h:5432/x": H | {"user": "me", "password": "pw"} | {"user": "me@server"},
    "postgresql://tenant%2Fme:pw@h:5432/x": H | {"user": "tenant/me"},
    "postgresql://u:pw@h:5432/my%20base": H | {"dbname": "my base"},
}  # fmt: skip
REFUSED = {
    "": "scheme",
    "h:5432/x": "scheme",
    "localhost": "scheme",
    "host=h dbname=x user=u password=pw": "scheme",
    "service=prod": "scheme",
    "jdbc:postgresql:x": "scheme",
    "postgresql:/h/x": "scheme",
    "mysql://u:pw@h/x": "no address of Postgres",
    "redis://h": "no address of Postgres",
    "postgresql://": "neither a host nor a database",
    "postgresql://u:pw@h:5432/x?schema=public": "schema: leave it out: CORRAL_SCHEMA",
    "jdbc:postgresql://h/x?currentSchema=public": "currentSchema: leave it out: CORRAL_SCHEMA",
    "postgresql://u:pw@h:6432/x?pgbouncer=true": "pgbouncer: leave it out: .*CORRAL_DATABASE_DIRECT_URL",
    "postgresql://u:pw@h/x?connection_limit=5": "connection_limit: .*CORRAL_POOL_SIZE",
    "postgresql://u:pw@h/x?pool_timeout=0": "pool_timeout: .*time limits",
    "postgresql://u:pw@h/x?sslaccept=strict": "sslaccept: write sslmode",
    "postgresql://h/x?service=prod": "service: write the address itself",
    "postgresql://h/x?ssl_mode=require": "ssl_mode: .*did you mean sslmode",
    "postgresql://h/x?colour=red": "colour: Postgres does not know it",
    "postgresql://h/x?sslmode=no-verify": "sslmode is one of disable, allow",
    "postgresql://h/x?target_session_attrs=writer": "target_session_attrs is one of",
    "postgresql://h/x?connect_timeout=0": "connect_timeout is whole seconds, at least 1",
    "postgresql://h/x?connect_timeout=soon": "connect_timeout is whole seconds",
    "postgresql://h/x?client_encoding=latin1": "client_encoding: leave it out",
    "postgresql://h/x?sslmode": "something other than name=value",
    "postgresql://h:port/x": "port is not a number",
    "postgresql://h:0/x": "port is not a number",
    "postgresql://h:65536/x": "port is not a number",
    "postgresql://h:5432x/x": "port is not a number",
    "postgresql://h:-1/x": "port is not a number",
    "postgresql:///x?host=h&port=http": "port is not a number",
    "postgresql://h:5432,h2:abc/x": "port is not a number",
    "postgresql://u:pw@::1/x": "IPv6 address stands in brackets",
    "postgresql://[nonsense]/x": "no IPv6 address",
    "postgresql://[::1/x": "character that no host has|port",
    "postgresql://u:p/ss@h/x": "raw @",
    "postgresql://u:p?ss@h/x": "raw @",
    "postgresql://u:1234/ss@h/x": "raw @",
    "postgresql://u:1234?a=b@h/x": "raw @",
    "postgresql://u:pw@h/x#y": "raw #",
    "postgresql://u:pw@ho st/x": "character that no host has",
    "postgresql://u:pw@h/x\nPORT=1": "line break",
    "postgresql://u:p%00w@h/x": "line break or another character",
    "postgresql://h/x?password=a&b=c": "in a password write & as %26",
    "postgresql://h/x?pwd=a": "the parameter pwd: write password",
    "postgresql://h/x?PGPASSWORD=a": "the parameter PGPASSWORD: write password",
    "postgresql://h/x?sslPassword=a": "did you mean sslpassword",
    "postgresql://u:pw@h/x?sslmode=disable&sslmode=require": "the parameter sslmode stands there twice",
    "postgresql://u:pw@h/x?password=other": "the parameter password says something else than the password before",
    "postgresql://u:pw@h/x?user=other": "the parameter user says something else than the user before the host",
    "postgresql://u:pw@h/x?dbname=y": "the parameter dbname says something else than the name of the database",
    "postgresql://u:p%ffw@h/x": "what is written with % there is no text in UTF-8",
    "postgresql://h/x?require_auth=scram": "require_auth is password, md5, .*, or each of them behind a !",
    "postgresql://h/x?require_auth=!md5,none": "require_auth is password, md5",
    "postgresql://h/x?hostaddr=db.example.com": "hostaddr is an IP address",
    "postgresql://h/x?ssl_min_protocol_version=1.2": "ssl_min_protocol_version is one of TLSv1, ",
    "postgresql://h/x?max_protocol_version=3": "max_protocol_version is one of 3.0, 3.2, latest",
    "postgresql://h/x?options=fast": "options are written as -c name=value",
    "postgresql://h/x?options=-c%20fast": "options are written as -c name=value",
    "postgresql://h/x?options=-c": "options are written as -c name=value",
}


@pytest.mark.parametrize(("text", "meaning"), TAKEN.items())
def test_a_form_that_people_have_means_what_they_mean(text, meaning):
    assert conninfo_to_dict(database_address(text)) == meaning


@pytest.mark.parametrize("text", TAKEN)
def test_the_form_that_libpq_reads_stays_as_it_is(text):
    assert database_address(database_address(text)) == database_address(text)


@pytest.mark.parametrize(("text", "reason"), REFUSED.items())
def test_what_cannot_be_meant_is_refused_with_the_reason_and_the_form(text, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=reason):
        database_address(text)
    with pytest.raises(SettingsError, match=reason) as error:
        Settings.load({"CORRAL_DATABASE_URL": text, "CORRAL_REDIS_URL": "redis://r"})
    [line] = str(error.value).splitlines()
    assert line.startswith("CORRAL_DATABASE_URL: ")
    assert "(from environment) is not allowed" in line
    assert "as postgresql://user:password@host:5432/name" in line


def test_the_parameters_are_those_of_libpq():
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    assert known - {"service", "servicefile", "replication"} == PARAMETERS
