"""The whole system on one machine: embedded Postgres and Valkey, and Corral's services as processes."""
