-- Comment les billets évoluent-ils de trimestre en trimestre ? (les trimestres ne s’additionnent pas en une saison)
-- How do tickets go from quarter to quarter? (quarters do not add up to a season)
select venue, period, tickets, tickets_low, tickets_high
from provenance_totals
where period_kind = 'quarter' and provenance is null and published
order by venue, period
