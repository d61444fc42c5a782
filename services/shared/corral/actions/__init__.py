"""What a person or a service can do: submit, cancel, retry, pause and so on. Joins store and dispatch."""
