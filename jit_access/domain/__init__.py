"""The words both planes share: pure values and rules, standard library only.

Nothing in this room reads a clock, a socket, a file or the environment. The control plane
(`jit_access`) decides with these values; the data plane (`registry_proxy`) enforces them.
"""
