"""The `llmrec` command as a process of its own, against the publishers' loopback server."""
