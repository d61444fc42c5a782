"""Sources of feeds, their items and imports, as values; `corral_jobs.feeds` fetches and reads them."""
