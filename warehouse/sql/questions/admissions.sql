-- Combien d’entrées scannées par genre, tous lieux ensemble ? (des entrées, pas des personnes ; les sortes ne s’additionnent pas)
-- How many admissions were scanned, by genre, all venues together? (admissions, not people; kinds do not add up)
select season, family_fr, family_en, unnest(noisy_sum(admissions, admissions_se, admissions_common_se))
from admissions
where period_kind = 'season' and admission_kind = 'scanned'
group by season, family, family_fr, family_en
having count(admissions) > 0
order by season, family
