-- Quelle part du public publié de chaque lieu vient de la même commune ou de la même intercommunalité ?
-- Which share of each venue's published audience comes from the same town or urban area?
select venue, season,
    unnest(noisy_share(people, people_se, people_common_se, provenance in ('commune', 'epci'), release_id))
from provenance
where period_kind = 'season'
group by venue, season
order by season, venue
