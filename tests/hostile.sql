-- Statements that a partner who sees one venue of two sends, by kind. `refused`: must not be answered. `bounded`: may be
-- answered, within the limits and with nothing that is not theirs. `attached`: run on the client, over its attachment.
-- One statement a line; «NUL», «CRLF», «RLO», «10MB», «DEEP», «WIDE» stand for what no line can hold.

## refused: writes
insert into provenance select * from provenance
insert into venues values ('x', 'x', 'x', 'x', null)
insert or replace into venues values ('x', 'x', 'x', 'x', null)
update provenance set people = 0
delete from provenance
delete from provenance returning *
truncate provenance
merge into venues using venues as v on true when matched then delete
drop table provenance
drop table if exists provenance cascade
drop schema main cascade
drop view duckdb_tables
drop macro noisy_sum
create table x as select 1
create or replace table provenance as select 1
create temp table x as select 1
create temporary view x as select 1
create view x as from provenance
create or replace view venues as select 'opera' as venue
create macro f(a) as a
create or replace macro noisy_sum(a, b, c) as 42
create temp macro f() as table from provenance
create function f(a) as a
create schema s
create sequence s
create type t as enum ('a')
create index i on provenance (venue)
create secret s (type quack, token 'x')
create persistent secret s (type s3, key_id 'x', secret 'y')
drop secret s
alter table provenance rename to x
alter table provenance add column x int
comment on table provenance is 'x'
vacuum
vacuum analyze
analyze
checkpoint
force checkpoint
begin
begin transaction read only
start transaction
commit and chain
abort
select 1; commit
update extensions

## refused: files in
from '/etc/passwd'
from '/etc/*'
from "/etc/passwd"
from 'file:///etc/passwd'
from '../../governance.toml'
from '../jauge.duckdb'
from 'tokens.sqlite'
from 'audit-2026.sqlite'
select * from 'x.parquet'
select * from 'x.csv' as c
select * from 'x.json'
from read_csv('/etc/passwd')
from read_csv_auto('/etc/passwd')
from READ_CSV('/etc/passwd', header = false)
from read_csv(['/etc/passwd', '/etc/group'])
from read_text('/etc/passwd')
from read_text('/proc/self/environ')
from read_text('/proc/self/cmdline')
from read_text('/proc/*/environ')
from read_blob('/etc/shadow')
from read_blob('/proc/self/mem')
from read_json('/etc/passwd')
from read_json_auto('/etc/*')
from read_json_objects('/etc/passwd')
from read_ndjson('/etc/passwd')
from read_ndjson_objects('/etc/passwd')
from read_parquet('/tmp/*.parquet')
from parquet_scan('/tmp/*.parquet')
from parquet_metadata('/tmp/x.parquet')
from parquet_schema('/tmp/x.parquet')
from parquet_kv_metadata('/tmp/x.parquet')
from parquet_file_metadata('/tmp/x.parquet')
from parquet_bloom_probe('/tmp/x.parquet', 'a', 1)
from sniff_csv('/etc/passwd')
from glob('/*')
from glob('/home/*/.ssh/*')
from sqlite_scan('tokens.sqlite', 'tokens')
from postgres_scan('', 'public', 'x')
from mysql_scan('', 'x', 'y')
from read_duckdb('/tmp/x.duckdb')
from read_xlsx('/tmp/x.xlsx')
from iceberg_scan('/tmp/x')
from delta_scan('/tmp/x')
from ducklake_snapshots('lake')
from ducklake_table_info('lake')
from arrow_scan(1, 2, 3)
from arrow_scan_dumb(1, 2, 3)
from pandas_scan(1)
from python_map_function()
select (select content from read_text('/etc/passwd')) as c
select * from (values (1)) t(a), lateral (select * from read_text('/etc/passwd'))
select exists (from read_text('/etc/passwd'))
with c as (from read_text('/etc/passwd')) from c
with c as materialized (select * from read_csv('/etc/passwd')) select count(*) from c
select * from provenance where venue in (select content from read_text('/etc/passwd'))
select array(select content from read_text('/etc/passwd'))
from provenance union all by name from read_text('/etc/passwd')
from provenance order by (select content from read_text('/etc/passwd'))
from provenance limit (select size from read_text('/etc/passwd'))
select max(people) filter ((select size from read_text('/etc/passwd')) > 0) from provenance
select list_transform([1], lambda x: (select content from read_text('/etc/passwd')))
select sum(people) over (order by (select size from read_text('/etc/passwd'))) from provenance
describe from read_csv('/etc/passwd')
summarize from read_csv('/etc/passwd')
from (describe from '/etc/passwd')

## refused: files out
copy provenance to '/tmp/jauge-x.csv'
copy (select 1) to '/tmp/jauge-x.parquet' (format parquet)
copy (select 1) to program 'sh'
copy provenance from '/etc/passwd'
copy from database jauge to memory
export database '/tmp/jauge-x'
import database '/tmp/jauge-x'
select write_log('x')
select 1 into outfile '/tmp/jauge-x'
explain analyze copy provenance to '/tmp/jauge-x.csv'

## refused: network
from 'https://example.org/x.csv'
from 's3://bucket/x.parquet'
from read_csv('http://127.0.0.1:9494/')
from read_text('http://169.254.169.254/latest/meta-data/')
from read_parquet('hf://datasets/x/y/z.parquet')
from quack_query('quack:localhost:9494', 'select 1', token = 'x')
from quack_query('quack:example.org', 'select 1')
from quack_query_by_name('jauge', 'select 1')
call quack_query('quack:localhost', 'select 1')
select http_get('http://example.org')
attach 'quack:localhost' as other (token 'x')
attach 'https://example.org/x.duckdb' as x
attach 'postgres:host=localhost' as p
attach 'ducklake:/tmp/x' as l

## refused: databases, extensions, settings
attach '/tmp/x.duckdb' as x
attach ':memory:' as x
attach 'tokens.sqlite' as t (type sqlite)
attach if not exists 'catalogue.duckdb'
detach jauge
use memory
use temp
install httpfs
force install httpfs from 'http://example.org'
load httpfs
load '/tmp/x.duckdb_extension'
set threads = 64
set memory_limit = '1TB'
set global enable_external_access = true
set enable_external_access = true
set lock_configuration = false
set session schema = 'information_schema'
set search_path = 'pg_catalog'
set allowed_directories = ['/']
set temp_directory = '/tmp'
set custom_extension_repository = 'http://example.org'
set quack_authorization_function = 'quack_nop_authorization'
set variable x = 1
reset threads
reset global enable_external_access
pragma threads = 64
pragma enable_profiling
pragma database_list
pragma database_size
pragma version
pragma show_tables
pragma table_info('provenance')
pragma import_database('/tmp/x')
pragma enable_logging
call enable_logging()
call pragma_version()
call duckdb_settings()
call force_checkpoint()
call quack_stop('quack:localhost:9494')
call quack_serve('quack:localhost:9999')

## refused: others' data and how the hub is made
from cells_provenance
from releases
from losses
from refusals
from edition
from family
from family_totals
from lake.main.provenance
from lake.provenance
from memory.main.provenance
from system.main.duckdb_settings
from temp.main.x
from other.provenance
from answers.a0
from main.cells_provenance
from "CELLS_PROVENANCE"
from query('from cells_provenance')
from query_table('cells_provenance')
from query_table(['provenance', 'cells_provenance'])
from duckdb_settings()
from duckdb_settings
from duckdb_databases()
from duckdb_databases
from duckdb_secrets()
from duckdb_secret_types()
from duckdb_extensions()
from duckdb_functions()
from duckdb_logs
from duckdb_logs()
from duckdb_log_contexts()
from duckdb_memory()
from duckdb_temporary_files()
from duckdb_variables()
from duckdb_prepared_statements()
from duckdb_external_file_cache()
from duckdb_approx_database_count()
from duckdb_optimizers()
from duckdb_keywords()
from duckdb_connection_count()
from Duckdb_Settings()
from "duckdb_settings"()
from main.duckdb_settings()
from pragma_database_size()
from pragma_database_list
from pragma_storage_info('provenance')
from pragma_table_info('provenance')
from pragma_show('provenance')
from pragma_version()
from pragma_platform()
from pragma_user_agent()
from pragma_metadata_info()
from sqlite_master
from sqlite_schema
from sqlite_temp_master
from pg_catalog.pg_tables
from pg_catalog.pg_class
from pg_tables
from pg_catalog.pg_settings
from information_schema.table_constraints
from information_schema.referential_constraints
from information_schema.character_sets
from whoami()
from quack_active_connections()
from quack_server_list()
from which_secret('s3://x', 's3')
from test_all_types()
from sql_auto_complete('sel')
from json_execute_serialized_sql('{}')
from checkpoint()
from icu_calendar_names()
from repeat_table('x')
show databases
show all tables
show schemas
show variables
select current_setting('home_directory')
select getvariable('x')
select getenv('HOME')
select pg_get_viewdef(1)
select pg_typeof(current_setting('threads'))
select has_table_privilege('provenance', 'select')
select currval('s')
select nextval('s')
select txid_current()
select quack_check_token('a', 'b', 'c')
select in_search_path('jauge', 'main')
select current_schemas(true)
select lower(current_setting('temp_directory'))
select (select current_setting('secret_directory'))
select count(*) filter (current_setting('threads') is null) from provenance

## refused: prepared, several at once, and hidden in others
prepare p as select 1
execute p
deallocate p
explain select 1
explain analyze select 1
select 1; select 2
select 1; drop table provenance
select 1;;; delete from provenance
; select 1; select 2
select 1 -- ; drop table x «CRLF»; drop table provenance
/* select 1 */ drop table provenance
-- only words
/* */
select 1 /* ; */ ; pragma threads = 1
with x as (delete from provenance returning *) from x
select * from (insert into provenance values (1))
pivot provenance on venue using sum(people)
SELECT catalog_name, schema_name FROM information_schema.schemata; drop table x
BEGIN TRANSACTION; drop table provenance
selec 1
select
select * from
)(
'
"
$$
«NUL»
select '«NUL»'
select 1«NUL»; drop table provenance
«RLO»select 1
ＳＥＬＥＣＴ 1
select * from ｃｅｌｌｓ_provenance
from cells_provenance
select+1;drop table provenance
from\u0020cells_provenance
from U&"cells\005fprovenance"
execute immediate 'select 1'
do $$ begin end $$
declare c cursor for select 1
select 1 as a where exists (from duckdb_settings())
from (from (from (from duckdb_settings())))
values ((select value from duckdb_settings() limit 1))
select * from provenance p join duckdb_settings() s on true
select * from provenance natural join pg_catalog.pg_class
select columns('.*') from duckdb_settings()
from provenance at (version => 1)
with recursive r as (select 1 union all select * from duckdb_settings()) from r
with provenance as (from cells_provenance) from provenance
from provenance positional join releases
from provenance asof join releases using (release_id)
from provenance semi join releases using (release_id)
«10MB»
«DEEP»
«WIDE»

## bounded: too much work
select count(*) from range(100000000000)
from range(100000000)
select count(*) from provenance a, provenance b, provenance c, provenance d, provenance e, provenance f, provenance g, provenance h
from provenance a, provenance b, provenance c, provenance d, provenance e, provenance f
with recursive r as (select 1 as i union all select i + 1 from r) select count(*) from r
with recursive r as (select 1 as i union all select i + 1 from r) from r
with recursive r as (select 'x' as s union all select s || s from r) select max(length(s)) from r
with recursive r as (select 1 as i union all select a.i + 1 from r a, r b) select count(*) from r
select repeat('x', 4000000000)
select length(repeat(repeat('x', 100000), 40000))
select list_sum(range(3000000000))
select range(500000000)
select list_transform(range(100000000), lambda x: repeat('x', 1000))
select string_agg(repeat('x', 1000), '') from range(10000000)
select list(i) from range(1000000000) t(i)
select array_agg(repeat('x', 100000)) from range(1000000)
select histogram(i) from range(1000000000) t(i)
select count(distinct i) from range(10000000000) t(i)
select i, count(*) from range(10000000000) t(i) group by all
select * from range(10000000000) t(i) order by hash(i)
select sum(hash(i) % 7) over (order by i desc) from range(1000000000) t(i)
select regexp_matches(repeat('a', 1000000), '(a*)*b') from range(100000)
select levenshtein(repeat('a', 100000), repeat('b', 100000))
select factorial(33) from range(10000000)
select md5(repeat('x', 100000000)) from range(100)
select unnest(range(100000000))
select unnest(generate_series(1, 100000000))
select printf('%1000000000d', 1)
select lpad('x', 2000000000, 'y')
select bit_count(repeat('1', 1000000000)::bit)
select 2::hugeint ** 1000000
select * from generate_series(timestamp '0001-01-01', timestamp '9999-01-01', interval 1 microsecond)
select error(repeat('x', 100000))
from repeat('x', 10000000000)
select json_group_array(i) from range(100000000) t(i)
select approx_quantile(i, 0.5) from range(10000000000) t(i)
select sum(people) from provenance, range(1000000000)

## bounded: their own catalogue, and nothing else in it
show tables
describe provenance
summarize provenance
from information_schema.tables
from information_schema.columns
from information_schema.schemata
from duckdb_tables()
from duckdb_views()
from duckdb_columns()
from duckdb_tables
from venues
from latest
from coverage
from labels
from dictionary
from questions
select version()
select current_user
select current_date
from provenance tablesample 10%
select venue from provenance where venue = 'opera'
select * from latest where venue <> 'theatre'
select venue from coverage group by all
from provenance where release_id not in (select release_id from latest)
select try_cast('x' as int)
select try(error('x'))

## attached: over the client's attachment
insert into r.provenance (venue) values ('x')
insert into r.venues values ('x', 'x', 'x', 'x', null)
create table r.x (a int)
create table r.x as select 1 as a
create view r.v as select 1
create schema r.s
drop table r.provenance
delete from r.provenance
update r.provenance set people = 0
alter table r.provenance add column x int
copy r.provenance from '/etc/passwd'
from r.cells_provenance
from r.family
from r.releases
