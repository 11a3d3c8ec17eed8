"""Workload identity: whose tokens stand for which agent. Jobs and pods prove who they are and keep no secret."""
