"""Sampled recordings against a program's own books: estimates of every place, and how far they are from the truth in their own
standard errors. The seeds are fixed, so that it is always the same draw. CAIRN_LONG=1: a thousand pairs of place and seed."""
