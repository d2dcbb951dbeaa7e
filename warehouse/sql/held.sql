-- what is held of some venues, and was until they withdrew it: every revision, and each release's losses, exact amounts
-- as text; a release that is withdrawn has no manifest
select
    r.venue, r.season, r.period, r.release_id, r.revision, r.manifest_sha256,
    list((l.unit, l.rho, l.delta_selection, l.shift)) filter (l.unit is not null) as losses
from (
    select venue, season, period, release_id, revision, manifest_sha256 from releases
    union all
    select venue, season, period, release_id, revision, null from withdrawals
) as r
left join losses as l using (release_id)
where r.venue in (select unnest($venues::varchar[]))
group by all;
