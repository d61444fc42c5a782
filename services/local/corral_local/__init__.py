"""The whole system on one machine: embedded Postgres and Valkey, and what runs Corral on top of them."""
