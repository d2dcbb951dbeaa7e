"""The hub speaking in a dataspace: `peers` asks other participants, `courier` sends what is due, `fetching` does all it takes for a file."""
