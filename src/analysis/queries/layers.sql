-- needs: chosen, files
-- makes: layer_figures
-- Figures of each layer: CLS is stored_size, FLS is files_size.
CREATE OR REPLACE TABLE layer_figures AS
WITH counted AS (
  SELECT layer, count(*) AS files, sum(size)::BIGINT AS files_size, count(hash0) AS hashed
  FROM files
  GROUP BY layer
)
SELECT
  chosen.*,
  coalesce(files, 0) AS files,
  coalesce(files_size, 0) AS files_size,
  -- Files whose content is known; the others have no size, so files_size is theirs too.
  coalesce(hashed, 0) AS hashed,
  CASE WHEN stored_size > 0 THEN coalesce(files_size, 0) / stored_size END AS files_ratio,
  CASE WHEN stored_size > 0 THEN archive_size / stored_size END AS archive_ratio
FROM chosen LEFT JOIN counted USING (layer);
