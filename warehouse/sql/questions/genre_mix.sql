-- Comment le public publié d’un lieu se répartit-il entre les genres ?
-- How does a venue's published audience divide among genres?
select f.venue, f.season, g.fr, g.en,
    unnest(noisy_share(people, people_se, people_common_se, f.family = g.code, f.release_id))
from family as f, labels as g
where f.period_kind = 'season' and g.dimension = 'family'
group by f.venue, f.season, g.code, g.fr, g.en, g.position
having count(people) filter (f.family = g.code) > 0
order by f.season, f.venue, g.position
