-- one policy table as people ask for it: last revisions, labels, 95 % intervals; suppressed cells stay, with nulls
create or replace view {{ t.name }} as
select
    r.release_id, r.venue, r.season, r.period, r.period_kind
    {%- for d in t.dimensions %},
    c.{{ d.name }}, {{ d.name }}_label.fr as {{ d.name }}_fr, {{ d.name }}_label.en as {{ d.name }}_en
    {%- endfor %},
    c.{{ t.measures[0].name }} is not null as published
    {%- for m in t.measures %},
    c.{{ m.name }}, c.{{ m.name }}_se,
    c.{{ m.name }} - {{ z }} * c.{{ m.name }}_se as {{ m.name }}_low,
    c.{{ m.name }} + {{ z }} * c.{{ m.name }}_se as {{ m.name }}_high
    {%- endfor %}
from cells_{{ t.name }} as c
join latest as r using (release_id)
{%- for d in t.dimensions %}
left join labels as {{ d.name }}_label on {{ d.name }}_label.dimension = '{{ d.name }}' and {{ d.name }}_label.code = c.{{ d.name }}
{%- endfor %};
