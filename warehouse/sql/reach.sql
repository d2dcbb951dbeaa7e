-- overlap and reach of venues by their sketches: one row a period and part (`all`, an attribute's value) that all of them have
-- under one season key. Of sketches of several sizes, the larger are folded. The formulas are those of warehouse/overlap,
-- told there; partners can follow them here, as all of it comes after the noise.
create or replace macro noise_variance(mechanism, scale) as case mechanism
    when 'discrete Laplace' then 2 * exp(-1 / scale) / (1 - exp(-1 / scale)) ** 2
    when 'discrete Gaussian' then scale ** 2
end;
create or replace macro counts_of(chosen) as table
    with held as (
        select * from sketches semi join latest using (release_id) where list_contains(chosen, venue)
    ), counted as (
        select period, part, key, min(buckets) as m, count(distinct venue) as present from held group by period, part, key
    ), shared as (
        select * exclude (present) from counted where present = len(list_distinct(chosen))
    ), placed as (
        select period, part, held.venue as venue, m, unnest(range(buckets)) % m as bucket, unnest(counts) as people,
            noise_variance(mechanism, scale) * buckets / m as noise
        from held join shared using (period, part, key)
    )
    select period, part, venue, m, bucket, sum(people)::double as people, any_value(noise) as noise
    from placed group by period, part, venue, m, bucket;

-- audiences on the diagonal, with m times the noise of a bucket; else the people common to both
create or replace macro gram(chosen) as table
    with counts as materialized (from counts_of(chosen)), sizes as (
        select period, part, venue, any_value(m) as m, sum(people) as size, any_value(noise) as noise
        from counts group by period, part, venue
    ), products as (
        select x.period as period, x.part as part, x.venue as one, y.venue as other, sum(x.people * y.people) as product
        from counts as x join counts as y on x.period = y.period and x.part = y.part and x.bucket = y.bucket
        group by x.period, x.part, x.venue, y.venue
    )
    select p.period as period, p.part as part, one, other, x.m as m, x.size as size, x.noise as noise, if(
        one = other,
        greatest(x.size, 0) + x.m * x.noise,
        (p.product - x.size * y.size / x.m) * x.m / (x.m - 1)
    ) as common
    from products as p
    join sizes as x on x.period = p.period and x.part = p.part and x.venue = p.one
    join sizes as y on y.period = p.period and y.part = p.part and y.venue = p.other;

create or replace macro overlap(a, b) as table
    with estimate as (
        select period, part, max(common) filter (one <> other) as people,
            sqrt((product(common) filter (one = other) + (max(common) filter (one <> other)) ** 2) / any_value(m)) as se
        from gram([a, b]) group by period, part having count(distinct one) = 2
    )
    select period, part, people as value, se, people - {{ z }} * se as low, people + {{ z }} * se as high
    from estimate order by period, part;

-- between the least and the most that audiences and overlaps of two leave open (for two venues the same)
create or replace macro reach(chosen) as table
    with g as materialized (from gram(chosen)), columns_of as (
        select *, sum(common) over (partition by period, part, one) as by_one, sum(common) over (partition by period, part, other) as by_other
        from g
    ), moments as (
        select period, part, count(*) filter (one = other) as v,
            sum(size) filter (one = other) as s1, any_value(m) * sum(noise) filter (one = other) as v1,
            coalesce(sum(common) filter (one <> other), 0) / 2 as s2, sum((by_one - common) * (by_other - common)) / 2 / any_value(m) as v2
        from columns_of group by period, part
    ), numbered as (
        select *, if(s1 > 0 and v > 1, 1 + floor(least(greatest(2 * s2 / s1, 0), v - 2)), 1) as k from moments
    ), weighed as (
        select period, part, s1, s2, v1, v2, unnest([
            if(v > 1, {'s1': 2 / (k + 1), 's2': 2 / (k * (k + 1))}, {'s1': 1.0, 's2': 0.0}),
            {'s1': 1.0, 's2': if(v > 1, 2 / v, 0.0)}
        ]) as w from numbered
    ), ends as (
        select period, part, w.s1 * s1 - w.s2 * s2 as people, sqrt(w.s1 ** 2 * v1 + w.s2 ** 2 * v2) as se from weighed
    )
    select period, part, avg(people) as value, (max(people + {{ z }} * se) - min(people - {{ z }} * se)) / (2 * {{ z }}) as se,
        min(people - {{ z }} * se) as low, max(people + {{ z }} * se) as high
    from ends group by period, part order by period, part;
