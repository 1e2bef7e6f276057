"""Pure rules: no I/O, no Dagster, no clock of their own. Plain values and dataclasses in and out.

Belongs here: what is decided. Does not belong here: where values come from and what is done with the
decision. Each module's docstring says what goes in, what comes out and what it promises.
"""
