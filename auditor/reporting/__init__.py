"""One module per format in which results are shown."""
