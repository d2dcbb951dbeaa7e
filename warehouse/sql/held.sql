-- what is held of some venues: every revision, and each release's losses, exact amounts as text
select
    r.venue, r.season, r.period, r.release_id, r.revision, r.manifest_sha256,
    list((l.unit, l.rho, l.delta_selection, l.shift)) as losses
from releases as r
join losses as l using (release_id)
where r.venue in (select unnest($venues::varchar[]))
group by all;
