"""Events, entered once: what a venue's exports tell the public, given back in every form that others ask for.

    record            one clean record an event, out of listings
    jsonld            schema.org
    feeds             iCalendar, OpenAgenda, DATAtourisme, sitemap
    rights            text and data mining: TDMRep, robots.txt, headers
    discoverability   what is missing, and why it matters to search engines
    build             the folder that a venue's site serves

Nothing here is made of a record of a person: neither counts nor prices paid, only the public words of `listings`.
"""
