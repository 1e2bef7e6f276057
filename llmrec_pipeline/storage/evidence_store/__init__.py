"""The evidence store: catalogue, price and benchmark history, runtime and sentiment, and the upgrade
advice that people decide on. SQLite by default, PostgreSQL by `DATABASE_URL`, the same on both.

`models` says what the tables hold, `opening` which database it is and what may be done with it,
`migrating` brings its schema up to date. Not to be confused with `storage.evidence`, which reads
measures for the consensus.
"""
