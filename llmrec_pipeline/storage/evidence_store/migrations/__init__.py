"""Alembic's environment: `env.py` and the migrations, which `evidence_store.migrating` runs."""
