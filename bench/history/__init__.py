"""Whether ten million finished jobs slow anything down."""
