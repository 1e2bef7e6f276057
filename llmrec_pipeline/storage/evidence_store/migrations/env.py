"""Alembic runs this for every migration, on the connection that `migrating` holds."""

from alembic import context

from llmrec_pipeline.storage.evidence_store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
context.run_migrations()
