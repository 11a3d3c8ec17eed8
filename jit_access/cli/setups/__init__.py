"""`jit setup`: our own entries in the configuration of other tools, and the way back."""
