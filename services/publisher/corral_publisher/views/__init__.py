"""What routes and pages show alike: areas, limits, pools, providers and reports, counts, and jobs in older words."""
