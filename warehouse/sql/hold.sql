-- one accepted release, its facts and its losses, out of its manifest
insert into releases
select
    $release_id, m ->> '$.venue.id', m ->> '$.period', m ->> '$.season', $period_kind, $period_start, $period_end,
    (m -> '$.revision')::integer, (m ->> '$.published')::date, m ->> '$.policy.name', m ->> '$.policy.digest',
    (m -> '$.k.minimum')::integer, m ->> '$.k.rule', $manifest_sha256, $now, $manifest
from (select $manifest::json as m);
