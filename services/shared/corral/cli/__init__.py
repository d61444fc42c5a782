"""The corral command: one module per noun."""
