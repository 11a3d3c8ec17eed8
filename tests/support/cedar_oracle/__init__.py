"""A second opinion on policy: the same answers from the text of the rules, by nothing but Python.

It shares no code with the product: neither Cedar's engine nor our compiler, slices, annotations and terms. A difference
between the two is an error of one of them. Written after the language's reference (docs.cedarpolicy.com, "Policy
grammar" and "Operators and functions"). Extension functions, templates and tags are outside of the subset.
"""
