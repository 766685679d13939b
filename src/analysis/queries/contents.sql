-- needs: files, chosen, elsewhere()
-- makes: contents, repeated, occurrences, layer_contents
-- Distinct contents of files with their copies over all distinct layers: the base of all figures of
-- deduplication. A content is known by the first 128 bits of its SHA-256. Where it occurs is kept as
-- the first and the last of layers, images, directories and types: all that is asked later is
-- whether there is more than one.
CREATE OR REPLACE TABLE contents AS
SELECT
  hash0,
  hash1,
  max(size) AS size,
  count(*)::INTEGER AS copies,
  -- Of what Stowage would take apart.
  sum(packed_size * packing)::BIGINT AS packed_size,
  (count(*) FILTER (WHERE packing > 0))::INTEGER AS packed_copies,
  min(files.layer) AS first_layer,
  max(files.layer) AS last_layer,
  min(chosen.first_image) AS first_image,
  max(chosen.last_image) AS last_image,
  min(folder) AS first_folder,
  max(folder) AS last_folder,
  min(type) AS first_type,
  max(type) AS last_type
FROM files JOIN chosen ON chosen.layer = files.layer
WHERE hash0 IS NOT NULL
GROUP BY hash0, hash1;

-- Those that occur more than once, numbered, so that what follows groups by small integers.
CREATE OR REPLACE TABLE repeated AS
SELECT
  hash0,
  hash1,
  (row_number() OVER ())::INTEGER AS content,
  size,
  elsewhere(first_layer, last_layer) AS in_layers,
  elsewhere(first_image, last_image) AS in_images,
  -- Directories are numbered within their layer.
  elsewhere(first_layer, last_layer) OR elsewhere(first_folder, last_folder) AS in_folders
FROM contents
WHERE copies > 1;

-- Where those occur, and how often (n) in each directory.
CREATE OR REPLACE TABLE occurrences AS
SELECT
  layer,
  folder,
  content,
  any_value(repeated.size) AS size,
  any_value(in_layers) AS in_layers,
  any_value(in_images) AS in_images,
  any_value(in_folders) AS in_folders,
  count(*)::INTEGER AS n
FROM files JOIN repeated USING (hash0, hash1)
GROUP BY layer, folder, content;

-- The same by layer.
CREATE OR REPLACE TABLE layer_contents AS
SELECT
  layer,
  content,
  any_value(size) AS size,
  any_value(in_layers) AS in_layers,
  any_value(in_images) AS in_images,
  sum(n)::INTEGER AS n
FROM occurrences
GROUP BY layer, content;
