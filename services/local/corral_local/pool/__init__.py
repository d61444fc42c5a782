"""The local pool of workers: who is in it, how many there are to be, and what is reported of it."""
