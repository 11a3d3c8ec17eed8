"""Requests in Slack: cards that follow the request, and buttons that count for the person who is linked.

Delivery: this room shows and carries. What counts is decided by `access_requests.services`, as for the pages. Slack
away never holds anything up: what should be there is a row, and comes later.
"""
