"""Jobs as rows: inserted, read, listed, cancelled, retried; requests with an idempotency key and callers' transactions."""
