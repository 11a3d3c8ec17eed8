"""One exchange as a machine without input or output: events in, commands out.

This is the only place that knows the order: classify, ask the gate, have the record accepted, reach the registry,
relay, record the end. The shell in `server` carries the commands out and reports back; it decides nothing.
"""
