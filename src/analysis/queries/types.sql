-- needs: types, files, contents
-- makes: typed_contents, rows
-- Deduplication by type of file and by group of types. The type goes by the path too, so one content
-- may have several; those few are counted again from their occurrences.
CREATE OR REPLACE TEMP TABLE typed_contents AS
SELECT hash0, hash1, first_type AS type, copies, size
FROM contents
WHERE first_type = last_type
UNION ALL
SELECT files.hash0, files.hash1, files.type, count(*)::INTEGER, max(files.size)
FROM files
JOIN contents ON contents.hash0 = files.hash0 AND contents.hash1 = files.hash1
WHERE contents.first_type < contents.last_type
GROUP BY files.hash0, files.hash1, files.type;

WITH
named AS (
  SELECT typed_contents.*, coalesce("group", 'other') AS grouped, coalesce(name, 'type ' || typed_contents.type) AS name
  FROM typed_contents LEFT JOIN types USING (type)
),
by_group AS (
  SELECT grouped, sum(copies) AS copies, max(size) AS size
  FROM named
  GROUP BY grouped, hash0, hash1
),
by_type AS (
  SELECT grouped, name, sum(copies) AS copies, max(size) AS size
  FROM named
  GROUP BY grouped, name, hash0, hash1
),
counted AS (
  SELECT grouped, '' AS name, copies, size FROM by_group
  UNION ALL
  SELECT grouped, name, copies, size FROM by_type
)
SELECT
  grouped AS "group",
  name AS type,
  sum(copies)::BIGINT AS files,
  sum(copies * size)::BIGINT AS bytes,
  count(*) AS distinct_files,
  sum(size)::BIGINT AS distinct_bytes,
  count(*) FILTER (copies = 1) AS singletons
FROM counted
GROUP BY grouped, name
ORDER BY grouped, name;
