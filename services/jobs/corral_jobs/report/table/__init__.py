"""The table of a report: the data as they were sent, read column by column, and as files that programs read."""
