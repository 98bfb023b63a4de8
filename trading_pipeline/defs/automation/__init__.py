"""What starts runs: jobs, schedules, and passes that bring everything up to date.

Read `jobs` (which assets run together), then `job_runs` (how a job runs in this process) and
`full_pass` (which runs a pass takes). `schedules` are the daily ones.
"""
