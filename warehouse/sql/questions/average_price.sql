-- Quelle recette moyenne par billet, par tarif, pour les lieux qui publient leurs recettes ?
-- What do tickets bring on average, by tariff, where venues publish receipts?
select season, tariff_fr, tariff_en,
    unnest(noisy_ratio(revenue, revenue_se, revenue_common_se, tickets, tickets_se, tickets_common_se))
from price
where period_kind = 'season'
group by season, tariff, tariff_fr, tariff_en
having count(revenue) > 0
order by season, tariff
