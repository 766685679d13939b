-- How many directories a layer has, and how deep they lie, from its table `raw` (dataset/columns.ts).
-- All that there are after unpacking: those with an entry, and those that hold something. The root
-- does not count; a directory in it has depth 1.
WITH RECURSIVE directories AS (
  (
    SELECT path AS directory FROM raw WHERE kind = 1
    UNION
    SELECT directory FROM raw
  )
  UNION
  SELECT
    CASE WHEN contains(directory, '/')
      THEN left(directory, length(directory) - length(split_part(directory, '/', -1)) - 1)
      ELSE ''
    END
  FROM directories
  WHERE directory <> ''
)
SELECT
  count(*) AS directories,
  coalesce(max(length(directory) - length(replace(directory, '/', '')) + 1), 0) AS max_depth
FROM directories
WHERE directory <> '';
