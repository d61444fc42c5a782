"""Jobs: submitted, found, followed and changed; load tests."""
