# Sourced once, when the volume is empty: Corral's role owns its database and nothing else.
psql --no-psqlrc --no-password --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set password `cat /etc/postgres/auth/password`
CREATE ROLE corral LOGIN PASSWORD :'password';
CREATE DATABASE corral OWNER corral;
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
SQL
