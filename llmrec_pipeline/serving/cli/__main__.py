"""`python -m llmrec_pipeline.serving.cli`."""

from llmrec_pipeline.serving.cli import main

main()
