"""A small pod of workers: half a core, and memory as the chart's `poolDefaults.resources` have it."""

PROCESSORS = 0.5
MEMORY_MIB = 512
"""Its limit: a pod that takes more is killed."""
REQUESTED_MIB = 256
"""Its request: a pod that stays below is never evicted for memory."""
