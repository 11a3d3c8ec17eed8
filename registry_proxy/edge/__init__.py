"""The strict reject layer: what it cannot read without doubt, it refuses, and the connection ends.

It works on the raw bytes of the head. llhttp reads the same bytes as a second opinion; both must agree.
"""
