"""The upstream admin side: reach a target, list what it holds, make and remove access there."""
