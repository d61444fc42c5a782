"""Processes: started with their environments and logs, guarded, kept running, replaced when code changes."""
