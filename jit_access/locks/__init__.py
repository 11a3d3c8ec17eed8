"""The kill switch: what security has locked, until when, and why. Whoever opens a door asks here first."""
