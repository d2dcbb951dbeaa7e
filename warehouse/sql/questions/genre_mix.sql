-- Comment le public publié d’un lieu se répartit-il entre les genres ? (mettez son identifiant à la place de min(venue))
-- How does a venue's published audience divide among genres? (put in its id instead of min(venue))
select f.venue, f.season, g.fr, g.en,
    unnest(noisy_share(people, people_se, people_common_se, f.family = g.code, f.release_id))
from family as f, labels as g, (select min(venue) as here from latest)
where f.venue = here and f.period_kind = 'season' and g.dimension = 'family'
group by f.venue, f.season, g.code, g.fr, g.en, g.position
having count(people) filter (f.family = g.code) > 0
order by f.season, g.position
