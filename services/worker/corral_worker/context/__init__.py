"""What a handler's context reaches in the worker: jobs, artifacts, effects, limits, rates, providers, feeds, webhooks."""
