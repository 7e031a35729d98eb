"""The benchmark: every config on every test list, and its reports."""
