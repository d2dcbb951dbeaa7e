"""The pages: what was accepted, told to people in French and English, each number with its margin.

build      all pages of the hub, or of a member; swapped in when all are written
issues     what may be shown of the lake: members, releases, their sheets (`cells`)
venue      a venue's page; `network`, `places` (a genre, a territory), `crossings` and `method` the others
sections   a table of a release as a piece of page; `sentences` what is said of it; `charts`, `maps` what is drawn
"""
