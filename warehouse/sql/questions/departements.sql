-- De quels départements le public vient-il, tous lieux ensemble ? (personnes comptées une fois par lieu)
-- Which départements does the audience come from, all venues together? (people counted once a venue)
select season, departement, departement_fr, unnest(noisy_sum(people, people_se, people_common_se))
from departement
where period_kind = 'season'
group by season, departement, departement_fr
having count(people) > 0
order by season, sum(people) desc
