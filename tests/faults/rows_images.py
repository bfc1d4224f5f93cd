"""Rows 82 to 88: something else under the image's name."""

CASES = []
