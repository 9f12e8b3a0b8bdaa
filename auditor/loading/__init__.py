"""YAML and TOML to the model; every mistake named with file, line and column."""
