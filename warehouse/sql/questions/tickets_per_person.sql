-- Combien de billets par personne selon la provenance ?
-- How many tickets a person, by origin?
select season, provenance_fr, provenance_en,
    unnest(noisy_ratio(tickets, tickets_se, tickets_common_se, people, people_se, people_common_se))
from provenance
where period_kind = 'season'
group by season, provenance, provenance_fr, provenance_en
having count(people) > 0
order by season, provenance
