"""Moving bytes: one slice at a time, asked about in between, held back by whoever is slower, cut by a reset.

Where to look: `wire` is one connection's transport and the only place that resets it; `choosing` says which path a body
takes; `download` and `upload` relay slices through user space and ask the guard before each one; `pump` does the same
inside the kernel. No other room touches a descriptor.
"""
