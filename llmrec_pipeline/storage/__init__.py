"""Lake, warehouse and editions on disk. Never imports Dagster; clock and folders come from outside."""
