"""Moving bytes: one slice at a time, asked about in between, held back by whoever is slower, cut by a reset.

Both directions go through user space here. A kernel path for known-length plain bodies would take over in
`Download` once the head is sent: it needs the same guard, the same counters and the same `cut`.
"""
