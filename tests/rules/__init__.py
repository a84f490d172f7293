"""Rules of the house: sizes, layers, names, scripts and generated files, checked on every run."""
