-- Combien de personnes venaient pour la première fois, par tranche d’âge, tous lieux ensemble ? (comptées une fois par lieu)
-- How many people came for the first time, by age band, all venues together? (counted once a venue)
select season, age_band_fr, age_band_en, unnest(noisy_sum(people, people_se, people_common_se))
from loyalty
where period_kind = 'season' and loyalty = 'primo'
group by season, age_band, age_band_fr, age_band_en
having count(people) > 0
order by season, age_band
