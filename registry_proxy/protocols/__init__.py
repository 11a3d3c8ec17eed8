"""What the bytes of a request mean, per protocol: a request is classified by an allow-list, or it is refused.

Pure functions over bytes. Nothing here opens a socket, reads a clock or asks the gate.
"""
