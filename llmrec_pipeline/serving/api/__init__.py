"""The HTTP API (extra `[api]`).

server      binds, watches for editions, drains, ends well
app         the routes; schemas and problems are what they take and give
desk        what answers come from: an edition in memory, swapped for the next one as a whole
gate        tokens, limits, time-outs, logs and metrics, before any route
"""
