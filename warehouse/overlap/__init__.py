"""How many people venues share and reach together, from noisy sketches alone: no one is ever matched with anyone.

A sketch hashes a venue's people into buckets and adds noise to each bucket's count. `vectors` holds them as numbers;
`estimates` says how many people a venue has, how many are common to several, how many they reach together, each with a
95 % interval, by the joint `likelihood` of their buckets where it is within reach, by `moments` else; `attendance` finds
how many go to 1, 2, 3, 4 or more of many venues; `tables` are what a marketer reads; `planning` chooses where to place a
campaign. All of it comes after the noise. Measured in docs/overlap.md.
"""
