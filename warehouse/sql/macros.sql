-- sums, ratios, shares and indices of noisy cells, with their margins. Cells of one table share one error, the same in
-- proportion for all: it adds up whole (common_se), while what each has of its own adds up in squares.
-- Over several releases sums and ratios are a little large; shares and indices take each release by itself.
create or replace macro sum_se(se, common_se) as
    sqrt(sum(se ** 2 - coalesce(common_se, 0) ** 2) + sum(coalesce(common_se, 0)) ** 2);
create or replace macro interval95(value, se) as struct_pack(
    value := value, se := se, low := value - {{ z }} * se, high := value + {{ z }} * se
);
create or replace macro noisy_sum(value, se, common_se) as interval95(sum(value), sum_se(se, common_se));

-- two measures, of the rows that have both; their errors are taken as independent
create or replace macro noisy_ratio(value, se, common_se, per, per_se, per_common_se) as interval95(
    (sum(value) filter (per is not null)) / (sum(per) filter (value is not null)),
    sqrt(
        sum_se(if(per is null, null, se), if(per is null, null, common_se)) ** 2
        + ((sum(value) filter (per is not null)) / (sum(per) filter (value is not null))) ** 2
        * sum_se(if(value is null, null, per_se), if(value is null, null, per_common_se)) ** 2
    ) / abs(sum(per) filter (value is not null))
);

-- the standard error of what cells move: each cell's own error squared, then the common error of each release as one.
-- Cells come release by release: one pass, for a list a release would take their square (`own` holds what is finished)
create or replace macro folded(moves) as list_reduce(moves, lambda done, m: struct_pack(
    release := m.release,
    own := done.own + m.own + if(m.release = done.release, 0, done.common ** 2),
    common := m.common + if(m.release = done.release, done.common, 0)
));
create or replace macro spread(moves) as sqrt(folded(moves).own + folded(moves).common ** 2);
create or replace macro errors(value, se, common_se, part, mine, release_id) as list(struct_pack(
    part := coalesce(part, false), mine := coalesce(mine, false), release := release_id,
    own := se ** 2 - coalesce(common_se, 0) ** 2, common := coalesce(common_se, 0)
) order by release_id) filter (value is not null);

-- the cells where `part` is true among all cells of the group, 0 to 1; null where none of them is shown
create or replace macro noisy_share(value, se, common_se, part, release_id) as interval95(
    (sum(value) filter (part)) / sum(value),
    spread(list_transform(
        errors(value, se, common_se, part, true, release_id),
        lambda e: struct_pack(
            release := e.release,
            own := e.own * (if(e.part, 1, 0) - (sum(value) filter (part)) / sum(value)) ** 2,
            common := e.common * (if(e.part, 1, 0) - (sum(value) filter (part)) / sum(value))
        )
    )) / abs(sum(value))
);

-- that share where `mine` is true, against the share everywhere, mine included: 100 is the same
create or replace macro index_vs_network(value, se, common_se, part, mine, release_id) as interval95(
    100 * (sum(value) filter (part and mine)) / (sum(value) filter (mine))
    * sum(value) / (sum(value) filter (part)),
    100 * (sum(value) filter (part and mine)) / (sum(value) filter (mine))
    * sum(value) / (sum(value) filter (part))
    * spread(list_transform(
        errors(value, se, common_se, part, mine, release_id),
        lambda e: struct_pack(
            release := e.release,
            own := e.own * (
                if(e.part and e.mine, 1 / (sum(value) filter (part and mine)), 0) - if(e.mine, 1 / (sum(value) filter (mine)), 0)
                - if(e.part, 1 / (sum(value) filter (part)), 0) + 1 / sum(value)
            ) ** 2,
            common := e.common * (
                if(e.part and e.mine, 1 / (sum(value) filter (part and mine)), 0) - if(e.mine, 1 / (sum(value) filter (mine)), 0)
                - if(e.part, 1 / (sum(value) filter (part)), 0) + 1 / sum(value)
            )
        )
    ))
);
