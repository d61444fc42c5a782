"""The publisher's processes: gunicorn's, one that waits to serve, and the maintenance in them."""
