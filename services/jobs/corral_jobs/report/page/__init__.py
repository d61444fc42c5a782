"""The pages of a report: its chart, where everything stands, and what the template is given."""
