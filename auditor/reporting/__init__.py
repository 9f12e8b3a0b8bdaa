"""One module per format in which results are shown: ``tabular`` for JSON and CSV, ``terminal`` for people at a screen."""
