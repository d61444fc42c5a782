"""Files of jobs and uploads: their rows, and the places that hold their content."""
