"""The worker's own life: it registers, shows signs of life, is asked to drain, and stops."""
