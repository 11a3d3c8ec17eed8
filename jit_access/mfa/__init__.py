"""Second factors, and how strong and how fresh a proof is."""
