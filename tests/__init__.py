"""The tests of redflow: folders mirror the package; `rules` holds what keeps the tree in order."""
