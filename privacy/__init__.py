"""The border: the only way figures leave a venue.

Promise, for one person at one venue, all their records, over one season (1 September to
31 August): everything published is (epsilon, delta)-differentially private under adding or
removing that person, and a published cell never had fewer than k people (rule "certain").
docs/promise.md says it at length; `policy.toml` holds the numbers.

Read in this order: policy, contributions, gathering, grouping, bounding, accounting, plan, selection, noise, ledger, publish, drawing; then what
comes after the noise: raking, agreement, cells, release, verification.
This package imports nothing of ours and is the only home of OpenDP. Importing it loads
neither OpenDP nor a file, so that a hub can read releases without what makes them.
"""
