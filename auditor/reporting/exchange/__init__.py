"""What other programs read: SARIF and JUnit for pipelines, OSCAL and HDF for tools of compliance. One module per format.

What was not observed is never written as passed: each format's nearest word for an error stands for it.
"""
