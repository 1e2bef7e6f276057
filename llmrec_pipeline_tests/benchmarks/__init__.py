"""Benchmarks: figures to read, never asserted."""
