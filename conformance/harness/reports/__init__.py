"""Results of a run, in the terminal, as JSON and as an HTML page."""
