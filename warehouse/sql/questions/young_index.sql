-- Les 15-24 ans sont-ils plus présents ici que dans le réseau ? (indice 100 : autant)
-- Are people of 15 to 24 more present here than in the network? (index 100: as much)
select v.venue, l.season,
    unnest(index_vs_network(people, people_se, people_common_se, age_band = '15-24', l.venue = v.venue, release_id))
from loyalty as l, (select distinct venue from loyalty) as v
where l.period_kind = 'season'
group by v.venue, l.season
order by l.season, v.venue
