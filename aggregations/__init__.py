"""The venue side: from a ticketing system's export to contributions, in Polars.

Raw exports end in `ingest`, direct identifiers in `persons`; nothing here adds noise, writes a
release or knows the hub. It imports `privacy` for the public vocabulary, the policy and the errors.
"""
