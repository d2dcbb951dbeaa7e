-- the last revision held of each venue and period
create or replace view latest as
select release_id, venue, period, season, period_kind, period_start, period_end, revision, published, k, k_rule
from releases
qualify row_number() over (partition by venue, period order by revision desc) = 1;
