-- how much of each table each release could show; a level is not a cell. Counted by release before anything is joined
create or replace view coverage as
with counted as (
    {%- for t in tables %}
    select c.release_id, '{{ t.name }}' as table_name, count(*) as cells, count(c.{{ t.measures[0].name }}) as published_cells
    from cells_{{ t.name }} as c where {{ is_cell(t) }} group by c.release_id
    {%- if not loop.last %} union all{% endif %}
    {%- endfor %}
)
select
    r.release_id, r.venue, r.season, r.period, r.period_kind, c.table_name, c.cells, c.published_cells,
    c.published_cells / c.cells as share
from counted as c
join latest as r using (release_id);
