"""Traces by OpenTelemetry: off, and not imported, unless OTEL_EXPORTER_OTLP_ENDPOINT says where spans go.

`activation` starts and ends it in a process, `tracer` makes spans with the names of the messaging conventions,
`provider` and `export` are what of the SDK stands behind it, `trace_context` reads the context that is current.
What has spans is a subclass or a wrapper that is chosen where a process is put together: without tracing none of it runs.
"""
