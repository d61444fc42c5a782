"""The embedded servers, Postgres and Valkey: where their programs and data are, as whom they run, how they start and stop."""
