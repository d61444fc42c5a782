"""Corral on a real cluster: installed by its chart, put under load, hurt, and asked what became of every job."""
