"""Which LLM to use for a job, with the evidence, kept current by a Dagster asset graph."""

__version__ = "0.1.0"
