"""The report: what an edition says, for people who open nothing else.

`reading` takes an edition's files, `building` makes of them a `content.ReportContent`, `page` and
`markdown` render that, `files` keeps the result. The content is a function of the edition alone:
ages count from its publication, and equal editions have equal content digests.
"""
