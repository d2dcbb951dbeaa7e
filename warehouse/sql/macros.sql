-- sums of cells with their margins. Cells of one table share one error, the same in proportion for all: it adds up whole
-- (common_se), while what each has of its own adds up in squares. Over several releases the result is a little large.
create or replace macro sum_se(se, common_se) as
    sqrt(sum(se ** 2 - coalesce(common_se, 0) ** 2) + sum(coalesce(common_se, 0)) ** 2);
create or replace macro noisy_sum(value, se, common_se) as struct_pack(
    value := sum(value),
    se := sum_se(se, common_se),
    low := sum(value) - {{ z }} * sum_se(se, common_se),
    high := sum(value) + {{ z }} * sum_se(se, common_se)
);
