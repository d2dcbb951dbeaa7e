-- one policy table as sealed, every release: its cells, then its levels, where a null dimension means all its values
create table if not exists cells_{{ t.name }} (
    release_id varchar, venue varchar, season varchar, period varchar
    {%- for d in t.dimensions %}, {{ d.name }} varchar{% endfor %}
    {%- for c in columns(t) %}, {{ c }} double{% endfor %}
);
{% for c in columns(t) -%}
alter table cells_{{ t.name }} add column if not exists {{ c }} double;
{% endfor -%}
-- by period and by venue: a file a season and eighth of the venues, for a file a venue would be thousands of a few rows
alter table cells_{{ t.name }} set partitioned by (season, bucket(8, venue));
alter table cells_{{ t.name }} set sorted by (venue, period);
