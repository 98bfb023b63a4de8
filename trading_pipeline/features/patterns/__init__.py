"""Chart patterns on a causal zigzag."""
