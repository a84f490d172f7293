"""Small programs that write files of the repository: generated code and pinned requirements."""
