"""Maintenance: leader election, and the periodic duties of the leader (protocol rules 22, 25 and 26)."""
