-- needs: raw
-- makes: rows
-- How many directories a layer has, and how deep they lie, from its table `raw` (dataset/columns.ts).
-- All that there are after unpacking: those with an entry, and those that hold something. The root
-- does not count; a directory in it has depth 1.
WITH
named AS (
  SELECT DISTINCT CASE WHEN kind = 1 THEN path ELSE directory END AS directory FROM raw
),
directories AS (
  SELECT DISTINCT
    unnest(
      list_transform(
        range(1, len(string_split(directory, '/')) + 1),
        lambda depth: array_to_string(string_split(directory, '/')[1:depth], '/')
      )
    ) AS directory
  FROM named
  WHERE directory <> ''
),
depths AS (
  SELECT length(directory) - length(replace(directory, '/', '')) + 1 AS depth FROM directories
)
SELECT
  count(*) AS directories,
  coalesce(max(depth), 0) AS max_depth,
  avg(depth) AS mean_depth,
  -- Between the two in the middle, where their number is even.
  median(depth) AS median_depth
FROM depths;
