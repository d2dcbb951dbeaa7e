"""Quality, seen by whom it concerns: warnings by source, in Dagster as true or false, and the steward's own page."""
