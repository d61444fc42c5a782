"""Submit jobs in a transaction of your own: they exist exactly if it commits.

with connection.transaction():
    connection.execute("INSERT INTO orders (id) VALUES (17)")
    jobs.submit(connection, "order.confirm", {"order": 17})

`jobs` is a `TransactionClient`, one for the whole program. The connection is one of psycopg 3, or a connection or session of
SQLAlchemy with `postgresql+psycopg://`, to the database in which Corral is installed. With one for coroutines the call is
awaited.
"""

from corral.transaction.client import TransactionClient
from corral.transaction.submitted_job import SubmittedJob

__all__ = ["SubmittedJob", "TransactionClient"]
