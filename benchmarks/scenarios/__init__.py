"""What is done to each candidate, and what is read off it."""
