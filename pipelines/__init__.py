"""When things happen: Dagster's assets, checks, schedules and sensors, and the command line. No arithmetic."""
