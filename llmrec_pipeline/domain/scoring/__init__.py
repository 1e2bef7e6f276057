"""Scorers: each is one function that serves plain floats and numpy columns alike.

Belongs here: the arithmetic of a score. Does not belong here: which models compete, which measure
they are compared on, and how the answer is worded (`llmrec_pipeline.domain.ranking`).
"""
