"""Corral's operator: it scales the Deployment of each WorkerPool to the number of workers that the law asks for."""
