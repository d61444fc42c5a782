# Sourced once, when the volume is empty: Corral's role owns its database and nothing else. Line ends behind the password are
# none of it, as for Corral's services.
psql --no-psqlrc --no-password --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set password `printf %s "$(sed 's/\r*$//' /etc/postgres/auth/password)"`
CREATE ROLE corral LOGIN PASSWORD :'password';
CREATE DATABASE corral OWNER corral;
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
SQL
