-- needs: contents
-- makes: rows
-- Deduplication at the level of files, over all.
SELECT
  coalesce(sum(copies), 0)::BIGINT AS files,
  coalesce(sum(copies * size), 0)::BIGINT AS bytes,
  count(*) AS distinct_files,
  coalesce(sum(size), 0)::BIGINT AS distinct_bytes,
  count(*) FILTER (copies = 1) AS singletons
FROM contents;
