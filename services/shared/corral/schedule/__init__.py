"""When a schedule has its ticks: pure, without a clock and without a database.

`cron` says which times of a wall clock an expression means, `clock_change` which instants those are where clocks are put
forward or back, and `timetable` puts both together with start, end, exclusions and jitter.
"""
