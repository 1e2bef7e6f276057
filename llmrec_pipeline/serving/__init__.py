"""What people meet: the command line (`cli`), the HTTP API (`api`) and the report (`report`), over what
they share. Answers come from editions, never from the warehouse; what people tell goes to the evidence
store. Nothing here imports Dagster, but for the commands that run jobs, through `orchestration.launch`.
"""
