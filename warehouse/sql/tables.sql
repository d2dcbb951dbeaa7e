-- the hub's own tables; the cells of each policy table are in cells.sql
create table if not exists releases (
    release_id varchar, venue varchar, period varchar, season varchar, period_kind varchar,
    period_start date, period_end date, revision integer, published date, policy_name varchar, policy varchar,
    k integer, k_rule varchar, manifest_sha256 varchar, accepted_at timestamp, manifest varchar,
    governance varchar
);
alter table releases add column if not exists governance varchar;
create table if not exists losses (
    release_id varchar, unit varchar, epsilon double, delta double, rho varchar, delta_selection varchar, shift varchar,
    season_epsilon double, season_delta double
);
create table if not exists venues (venue varchar, name varchar, kind varchar, commune varchar, since date);
create table if not exists floor (unit varchar, season_epsilon varchar, season_delta varchar, k integer, k_rule varchar);
create table if not exists governance (digest varchar, since timestamp, text varchar);
create table if not exists refusals (
    refused_at timestamp, folder varchar, venue varchar, rule varchar, reason_fr varchar, reason_en varchar,
    fingerprint varchar, governance varchar
);
alter table refusals add column if not exists governance varchar;
create table if not exists withdrawals (
    release_id varchar, venue varchar, period varchar, season varchar, revision integer, withdrawn_at timestamp,
    governance varchar
);
create table if not exists sketches (
    release_id varchar, venue varchar, season varchar, period varchar, part varchar, buckets integer, mechanism varchar,
    scale double, "key" varchar, counts integer[]
);
alter table sketches set partitioned by (season, bucket(8, venue));
alter table sketches set sorted by (venue, period, part);
create table if not exists labels (dimension varchar, code varchar, fr varchar, en varchar, position integer);
create table if not exists dictionary (relation varchar, column_name varchar, fr varchar, en varchar);
create table if not exists edition (digest varchar);
