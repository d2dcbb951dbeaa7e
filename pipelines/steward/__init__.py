"""The steward's page: how the venue stands with its data, its budget and its releases. Local, and never published."""
