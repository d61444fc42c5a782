"""One suite of behaviours for the store and its fake."""
