-- Combien de personnes connues chaque lieu a-t-il reçues cette saison ? (total, cases non publiables comprises)
-- How many known people did each venue receive this season? (the total, cells not publishable included)
select venue, season, people, people_low, people_high
from provenance_totals
where period_kind = 'season' and provenance is null and published
order by season, venue
