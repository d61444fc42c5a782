"""How Postgres is spoken to: connections and their pools, statements, transactions, errors, and what is read of an answer."""
