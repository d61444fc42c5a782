"""What the operator tells: of pools in Redis and Kubernetes, of containers' ends, of itself in metrics and logs."""
