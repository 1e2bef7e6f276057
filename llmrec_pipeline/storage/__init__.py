"""What is kept: lake, warehouse and editions, the evidence store (`evidence_store`), events of our own
calls (`usage_*`), served answers on their way (`spool`), and the team's files that are changed.

Never imports Dagster; clock and folders come from outside.
"""
