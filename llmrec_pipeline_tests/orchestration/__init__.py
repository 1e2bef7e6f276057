"""The asset graph: definitions, faults, blocking checks, sensor, executors."""
