-- needs: layers, images, image_layers, standing
-- makes: holds, complete_images, layer_pulls, packing(), chosen
-- Which image holds which layer, each pair once, and the layers that figures are about. An image of
-- which a layer could not be read holds its others, and is left out where images are counted.
CREATE OR REPLACE TEMP TABLE holds AS
SELECT DISTINCT image_layers.image, standing.stands_for AS layer
FROM image_layers JOIN standing USING (layer);

CREATE OR REPLACE TEMP TABLE complete_images AS
SELECT * FROM images
WHERE image NOT IN (SELECT image FROM image_layers WHERE layer IS NULL);

-- Pulls are counted for repositories: several images of one, its tags or platforms, have the same.
CREATE OR REPLACE TEMP TABLE layer_pulls AS
SELECT layer, sum(pulls) AS pulls
FROM (
  SELECT layer, repository, max(pulls) AS pulls
  FROM holds JOIN images USING (image)
  GROUP BY layer, repository
)
GROUP BY layer;

-- What Stowage makes of a byte of a file, for the estimate: nothing of layers that it leaves as they are
-- (below `dedup.min_size`, zstd, no archives); of gzip the bits that it took there; of plain layers, which
-- are compressed when they are taken apart, what the gzip layers of the corpus come to.
CREATE OR REPLACE TEMP MACRO packing(compression, size) AS
  CASE WHEN size < 65536 THEN 0 WHEN compression = 'gzip' THEN 1 WHEN compression = 'none' THEN 0.35 ELSE 0 END;

CREATE OR REPLACE TEMP TABLE chosen AS
SELECT
  layers.layer,
  any_value(layers.id) AS id,
  any_value(layers.compression) AS compression,
  any_value(layers.stored_size) AS stored_size,
  any_value(layers.archive_size) AS archive_size,
  packing(any_value(layers.compression), any_value(coalesce(stored_size, layers.archive_size)))::DOUBLE
    AS packing,
  any_value(layers.directories) AS directories,
  any_value(layers.max_depth) AS max_depth,
  any_value(layers.mean_depth) AS mean_depth,
  any_value(layers.median_depth) AS median_depth,
  count(images.image) AS held_by,
  any_value(layer_pulls.pulls) AS pulls,
  min(images.image) AS first_image,
  max(images.image) AS last_image,
  -- Follows from what layers hold, not from the order in which they were read, which layers take
  -- their numbers from: what is equal otherwise comes by it.
  row_number() OVER (ORDER BY any_value(layers.diff_id), any_value(layers.id)) AS rank
FROM layers
JOIN standing ON standing.layer = layers.layer AND standing.stands_for = layers.layer
LEFT JOIN holds ON holds.layer = layers.layer
LEFT JOIN images ON images.image = holds.image
LEFT JOIN layer_pulls ON layer_pulls.layer = layers.layer
GROUP BY layers.layer;
