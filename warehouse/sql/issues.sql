-- the latest revision of every release, with the season's losses it states, for the pages
select
    r.release_id, r.venue, r.period, r.period_kind, r.period_end, r.revision, r.published, r.k, r.k_rule,
    json_group_object(l.unit, json_object('epsilon', l.season_epsilon, 'delta', l.season_delta)) as losses
from latest as r
join losses as l using (release_id)
group by all
order by r.venue, r.period;
