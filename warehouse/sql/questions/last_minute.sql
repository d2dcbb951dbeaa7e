-- Quelle part du public achète dans la semaine ou le jour même, par genre ?
-- Which share of the audience books within the week or on the day, by genre?
select season, family_fr, family_en,
    unnest(noisy_share(people, people_se, people_common_se, anticipation in ('jour_meme', 'semaine'), release_id))
from anticipation
where period_kind = 'season'
group by season, family, family_fr, family_en
having count(people) filter (anticipation in ('jour_meme', 'semaine')) > 0
order by season, family
