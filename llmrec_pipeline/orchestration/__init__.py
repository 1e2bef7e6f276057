"""The only package that imports Dagster: thin wrappers around sources, storage and domain."""
