"""Tests of the pipeline, and the publishers' test server that they share."""
