"""Workers as rows: registered, their heartbeats, their drains, and what is taken from one that is gone."""
