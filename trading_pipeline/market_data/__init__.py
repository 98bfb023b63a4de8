"""The market_data layer."""
