"""Figures: counts, what ended in a time, the autoscaler's signal, and what was decided about pools."""
