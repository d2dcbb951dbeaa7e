"""Sending declarations to SIBIL, the State's system of box offices: off unless `[sibil]` of venue.toml has an address."""
