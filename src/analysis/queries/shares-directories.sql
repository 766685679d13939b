-- needs: files, occurrences
-- makes: folder_shares
-- The same of each directory of each layer, over the files that lie in it directly.
CREATE OR REPLACE TABLE folder_shares AS
WITH
totals AS (
  SELECT layer, folder, count(*) AS files, sum(size)::BIGINT AS bytes
  FROM files
  WHERE hash0 IS NOT NULL
  GROUP BY layer, folder
),
counted AS (
  SELECT
    layer,
    folder,
    sum(n - 1)::BIGINT AS spare_files,
    sum((n - 1) * size)::BIGINT AS spare_bytes,
    coalesce(sum(n) FILTER (in_folders), 0)::BIGINT AS other_files,
    coalesce(sum(n * size) FILTER (in_folders), 0)::BIGINT AS other_bytes
  FROM occurrences
  GROUP BY layer, folder
)
SELECT
  files,
  bytes,
  coalesce(spare_files, 0) AS spare_files,
  coalesce(spare_bytes, 0) AS spare_bytes,
  coalesce(other_files, 0) AS other_files,
  coalesce(other_bytes, 0) AS other_bytes
FROM totals LEFT JOIN counted USING (layer, folder);
