-- Les 15-24 ans sont-ils plus présents dans un lieu que dans le réseau ? (indice 100 : autant ; mettez l’identifiant du lieu)
-- Are people of 15 to 24 more present at a venue than in the network? (index 100: as much; put in the venue's id)
select season,
    unnest(index_vs_network(people, people_se, people_common_se, age_band = '15-24', venue = here, release_id))
from loyalty, (select min(venue) as here from latest)
where period_kind = 'season'
group by season
order by season
