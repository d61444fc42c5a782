"""Forms made from JSON Schema: of a job type's payload, its example, and of a load test."""
