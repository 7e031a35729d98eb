"""What ``tools/annotate.py`` does, verb by verb; the tool itself reads the arguments and the data set."""
