"""Assets: what a user would re-run or look at. One module for each stretch of the flow."""
