"""What a venue owes others of its exact figures: SIBIL's quarterly declarations, statements of performances, a season's report.

Everything here is the venue's own: exact, written into its `declarations/` folder, for the State and those who are owed rights.
It is no source of a release: nothing that makes one imports it, and a test searches releases and hub for its figures.

    quarters      the law's quarters, which are not those of a season
    facts         `[declares]` of venue.toml: what no export tells
    box_office    tickets and receipts of each performance, from the records
    sibil         single performances and series, as SIBIL counts them
    controls      what is missing or cannot be, in sentences
    dto           the same as SIBIL's interface has it
    keeping       drafts, what was sent, numbers that SIBIL gave
    statements    tickets, receipts and VAT of each performance
    annual        a season in exact figures
"""
