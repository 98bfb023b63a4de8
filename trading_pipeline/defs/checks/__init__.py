"""Asset checks: `bars` for the quality of bars, `audits` for values that read the future."""
