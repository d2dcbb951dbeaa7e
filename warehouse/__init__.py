"""The hub: sealed releases in, answers and pages out. It never holds a record, and never loads OpenDP.

`inbox` accepts or refuses what venues deliver, `lake` keeps what was accepted and answers SQL, `reports` draws
the pages, `governance` says who is a member and what the hub demands of a release. All that is here comes after
the noise: any question may be asked of it without weakening anybody's protection.
"""
