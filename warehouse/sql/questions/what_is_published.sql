-- Quelle part des cases de chaque table est publiable, et depuis quand ?
-- Which share of each table's cells can be shown, and since when?
select c.venue, c.period, c.table_name, c.share, r.published
from coverage as c
join latest as r using (release_id)
order by c.venue, c.period, c.table_name
