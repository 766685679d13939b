-- How many directories a layer has, and how deep they lie, from its table `raw` (dataset/columns.ts).
-- All that there are after unpacking: those with an entry, and those that hold something. The root
-- does not count; a directory in it has depth 1.
WITH
named AS (
  SELECT DISTINCT CASE WHEN kind = 1 THEN path ELSE directory END AS directory FROM raw
),
parts AS (
  SELECT string_split(directory, '/') AS parts FROM named WHERE directory <> ''
),
directories AS (
  SELECT DISTINCT array_to_string(parts[1:depth], '/') AS directory, depth
  FROM parts, unnest(range(1, len(parts) + 1)) AS depths(depth)
)
SELECT count(*) AS directories, coalesce(max(depth), 0) AS max_depth
FROM directories;
