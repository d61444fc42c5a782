"""Kubernetes: its API, the Lease, and what the operator watches and reads there: WorkerPools, Deployments, pods."""
