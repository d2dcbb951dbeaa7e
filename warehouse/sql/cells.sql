-- one policy table: every cell of every release, as sealed
create table if not exists cells_{{ t.name }} (
    release_id varchar, venue varchar, season varchar, period varchar
    {%- for d in t.dimensions %}, {{ d.name }} varchar{% endfor %}
    {%- for m in t.measures %}, {{ m.name }} double, {{ m.name }}_se double{% endfor %}
);
{% for m in t.measures -%}
alter table cells_{{ t.name }} add column if not exists {{ m.name }} double;
alter table cells_{{ t.name }} add column if not exists {{ m.name }}_se double;
{% endfor -%}
alter table cells_{{ t.name }} set partitioned by (season);
