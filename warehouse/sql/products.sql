-- which table each venue has published for which period, last revisions, with what the release promised; no figure
with told as (
    select l.*, r.policy_name, r.policy, r.manifest, unnest(json_keys(r.manifest, '$.tables')) as table_name
    from latest as l
    join releases as r using (release_id)
)
select
    t.table_name, t.venue, t.period, t.period_start, t.period_end, t.published, t.policy_name, t.policy, t.k, t.k_rule,
    s.season_epsilon, s.season_delta
from told as t
join losses as s
    on s.release_id = t.release_id
    and s.unit = json_extract_string(t.manifest, '$.tables.' || t.table_name || '.unit')
order by t.table_name, t.venue, t.period;
