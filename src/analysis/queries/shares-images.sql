-- needs: complete_images, holds, layer_contents, layer_shares, $first, $last
-- makes: +image_shares
-- The same of each image, over its distinct layers, for the images from `first` to `last` (variables):
-- copies within an image have to be counted image by image.
INSERT INTO image_shares
WITH
wanted AS (
  SELECT * FROM holds
  WHERE image BETWEEN getvariable('first') AND getvariable('last')
    AND image IN (SELECT image FROM complete_images)
),
copies AS (
  SELECT image, content, sum(n) AS n, any_value(size) AS size
  FROM wanted JOIN layer_contents USING (layer)
  GROUP BY image, content
),
within AS (
  SELECT image, sum(n - 1) AS spare_files, sum((n - 1) * size) AS spare_bytes
  FROM copies
  GROUP BY image
),
sums AS (
  SELECT
    image,
    sum(files) AS files,
    sum(bytes) AS bytes,
    sum(in_images_files) AS other_files,
    sum(in_images_bytes) AS other_bytes
  FROM wanted JOIN layer_shares USING (layer)
  GROUP BY image
)
SELECT
  image,
  files::BIGINT,
  bytes::BIGINT,
  coalesce(spare_files, 0)::BIGINT,
  coalesce(spare_bytes, 0)::BIGINT,
  other_files::BIGINT,
  other_bytes::BIGINT
FROM sums LEFT JOIN within USING (image);
