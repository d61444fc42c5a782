"""Corral's operator: keeps each WorkerPool's Deployment at the number of workers that the law asks for."""
