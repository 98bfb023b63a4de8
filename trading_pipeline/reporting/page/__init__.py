"""What all pages share: frame, numbers, metric labels, warnings."""
