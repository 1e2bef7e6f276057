"""Pure rules: no I/O, no Dagster, no clock of their own. Frames, floats and dataclasses in and out."""
