-- Quelle part des billets est pour le week-end, par lieu ?
-- Which share of tickets is for week-ends, by venue?
select venue, season,
    unnest(noisy_share(tickets, tickets_se, tickets_common_se, schedule like 'weekend%', release_id))
from schedule
where period_kind = 'season'
group by venue, season
order by season, venue
