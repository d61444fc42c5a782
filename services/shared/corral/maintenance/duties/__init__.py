"""The duties of the leader: one module for each, and what several of them share."""
