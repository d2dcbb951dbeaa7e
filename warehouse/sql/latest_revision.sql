-- what is held already of one venue and period: last revision, and the release of that id
select
    coalesce(max(revision), 0) as revision,
    max(manifest_sha256) filter (release_id = $release_id) as manifest_sha256
from releases
where venue = $venue and period = $period;
