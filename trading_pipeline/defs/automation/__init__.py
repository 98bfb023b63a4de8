"""Jobs, schedules, and runs that bring everything up to date."""
