-- how much of each table each release could show; a level is not a cell
create or replace view coverage as
with cells as (
    {%- for t in tables %}
    select c.release_id, '{{ t.name }}' as table_name, c.{{ t.measures[0].name }} is not null as published
    from cells_{{ t.name }} as c where {{ is_cell(t) }}
    {%- if not loop.last %} union all{% endif %}
    {%- endfor %}
)
select
    r.release_id, r.venue, r.season, r.period, r.period_kind, c.table_name,
    count(*) as cells, count(*) filter (c.published) as published_cells,
    count(*) filter (c.published) / count(*) as share
from cells as c
join latest as r using (release_id)
group by all;
