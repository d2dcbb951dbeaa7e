-- one policy table as people ask for it: last revisions, labels, 95 % intervals; suppressed rows stay, with nulls.
-- Cells and levels are apart, so that no `group by` counts anyone twice. A release of before raking has no common error.
{% macro rows(levels) -%}
select
    r.release_id, r.venue, r.season, r.period, r.period_kind
    {%- for d in t.dimensions %},
    c.{{ d.name }}
    {%- for language, all in (("fr", "ensemble"), ("en", "all")) %},
    {% if levels %}case when c.{{ d.name }} is null then '{{ all }}' else {{ d.name }}_label.{{ language }} end
    {%- else %}{{ d.name }}_label.{{ language }}{% endif %} as {{ d.name }}_{{ language }}
    {%- endfor %}
    {%- endfor %},
    c.{{ t.measures[0].name }} is not null as published
    {%- for m in t.measures %},
    c.{{ m.name }}, c.{{ m.name }}_se, coalesce(c.{{ m.name }}_common_se, 0 * c.{{ m.name }}_se) as {{ m.name }}_common_se,
    c.{{ m.name }} - {{ z }} * c.{{ m.name }}_se as {{ m.name }}_low,
    c.{{ m.name }} + {{ z }} * c.{{ m.name }}_se as {{ m.name }}_high
    {%- endfor %}
from cells_{{ t.name }} as c
join latest as r using (release_id)
{%- for d in t.dimensions %}
left join labels as {{ d.name }}_label on {{ d.name }}_label.dimension = '{{ d.name }}' and {{ d.name }}_label.code = c.{{ d.name }}
{%- endfor %}
{%- endmacro %}
create or replace view {{ t.name }} as
{{ rows(false) }}
where {{ is_cell(t) }};
create or replace view {{ t.name }}_totals as
{{ rows(true) }}
where not ({{ is_cell(t) }})
{%- for d in t.dimensions if d.name in never_added %} and c.{{ d.name }} is not null{% endfor %};
