"""What processes need, whatever they do: their surroundings, memory, health and metrics over HTTP."""
