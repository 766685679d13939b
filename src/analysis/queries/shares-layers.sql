-- needs: layer_figures, layer_contents, elsewhere_single()
-- makes: layer_shares
-- What of each layer is duplicate: `spare` beyond the first copy within it, `other` what occurs
-- elsewhere too. Files whose content is not known (mode paper) are left out.
CREATE OR REPLACE TABLE layer_shares AS
WITH counted AS (
  SELECT
    layer,
    sum(n - 1) AS spare_files,
    sum((n - 1) * size) AS spare_bytes,
    coalesce(sum(n) FILTER (in_layers), 0) AS other_files,
    coalesce(sum(n * size) FILTER (in_layers), 0) AS other_bytes,
    coalesce(sum(n) FILTER (in_images), 0) AS in_images_files,
    coalesce(sum(n * size) FILTER (in_images), 0) AS in_images_bytes,
    sum(n) AS repeated_files,
    sum(n * size) AS repeated_bytes
  FROM layer_contents
  GROUP BY layer
),
-- Of contents that occur nowhere else, and once.
singles AS (
  SELECT
    layer_figures.layer,
    hashed - coalesce(repeated_files, 0) AS single_files,
    files_size - coalesce(repeated_bytes, 0) AS single_bytes,
    elsewhere_single(first_image, last_image) AS in_images
  FROM layer_figures LEFT JOIN counted USING (layer)
)
SELECT
  layer_figures.layer,
  held_by,
  hashed AS files,
  files_size AS bytes,
  coalesce(spare_files, 0)::BIGINT AS spare_files,
  coalesce(spare_bytes, 0)::BIGINT AS spare_bytes,
  coalesce(other_files, 0)::BIGINT AS other_files,
  coalesce(other_bytes, 0)::BIGINT AS other_bytes,
  (coalesce(in_images_files, 0) + CASE WHEN in_images THEN single_files ELSE 0 END)::BIGINT
    AS in_images_files,
  (coalesce(in_images_bytes, 0) + CASE WHEN in_images THEN single_bytes ELSE 0 END)::BIGINT
    AS in_images_bytes,
  single_files::BIGINT AS single_files,
  single_bytes::BIGINT AS single_bytes
FROM layer_figures JOIN singles USING (layer) LEFT JOIN counted USING (layer);
