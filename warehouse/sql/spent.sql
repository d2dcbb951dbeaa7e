-- the losses of the releases held of one venue and season, exact amounts as text
select unit, rho, delta_selection, shift
from losses
join releases using (release_id)
where venue = $venue and season = $season;
