"""Claiming: which lanes are looked into, how many jobs there is room for, and how popped ids become claimed jobs."""
