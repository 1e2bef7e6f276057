"""What people meet: the `llmrec` command. Readers read editions only."""
