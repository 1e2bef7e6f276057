"""The evidence store: catalogue, price and benchmark history, runtime and sentiment, and the upgrade
advice that people decide on. SQLite by default, PostgreSQL by `DATABASE_URL`, the same on both.

`models` says what the tables hold, `opening` which database it is and what may be done with it,
`migrating` brings its schema up to date. Not to be confused with `storage.evidence`, which reads
measures for the consensus.
"""

from llmrec_pipeline.storage.evidence_store.sentiment import ingest_sentiment_batch

__all__ = ["ingest_sentiment_batch"]
