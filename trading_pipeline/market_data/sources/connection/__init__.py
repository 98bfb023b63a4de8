"""What all network sources share: time-outs, retries, rate gates, errors."""
