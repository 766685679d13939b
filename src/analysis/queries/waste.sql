-- needs: images, image_layers, standing, chosen, batch, batch_entries
-- makes: +image_waste, +wasted_paths, +offenders, stack, placed, above, hidden_directories, hidden_paths, rewritten, fates, last_places, seen_as_links, file_fates
-- What images ship and do not show, for the images of the table `batch`; `batch_entries` has the
-- entries of their layers (kinds: 0 file, 1 directory, 8 whiteout, 9 opaque whiteout). An entry is
-- hidden when a higher layer
--   - has a whiteout of its path or of a directory above it,
--   - has an opaque whiteout of a directory above it,
--   - has something else than a directory where a directory above it was,
-- or when something of the same path comes after it, in its own layer or in a higher one.

-- Layers of the images by position. One that comes twice counts once, where it lies highest: what
-- lies between is hidden by it just the same.
CREATE OR REPLACE TEMP TABLE stack AS
SELECT image, standing.stands_for AS layer, max(position) AS position
FROM image_layers JOIN standing USING (layer)
WHERE image IN (SELECT image FROM batch)
GROUP BY image, standing.stands_for;

CREATE OR REPLACE TEMP TABLE placed AS
SELECT
  image,
  position,
  layer,
  entry,
  path,
  directory,
  kind,
  size,
  hash0,
  hash1,
  target,
  linked,
  position::BIGINT << 32 | entry AS place
FROM batch_entries JOIN stack USING (layer);

-- Every directory that entries lie in, with itself and all directories above it, the root ('') too.
CREATE OR REPLACE TEMP TABLE above AS
WITH RECURSIVE up AS (
  SELECT DISTINCT image, directory, directory AS ancestor FROM placed
  UNION
  SELECT
    image,
    directory,
    CASE WHEN contains(ancestor, '/')
      THEN left(ancestor, length(ancestor) - length(split_part(ancestor, '/', -1)) - 1)
      ELSE ''
    END
  FROM up
  WHERE ancestor <> ''
)
SELECT * FROM up;

-- The highest layer that hides everything of a directory.
CREATE OR REPLACE TEMP TABLE hidden_directories AS
SELECT above.image, above.directory, max(placed.position) AS hidden_by
FROM above
JOIN placed ON placed.image = above.image AND placed.path = above.ancestor
WHERE placed.kind = 9 OR (placed.kind <> 1 AND above.ancestor <> '')
GROUP BY above.image, above.directory;

-- The highest layer that takes away just a path.
CREATE OR REPLACE TEMP TABLE hidden_paths AS
SELECT image, path, max(position) AS hidden_by
FROM placed
WHERE kind = 8
GROUP BY image, path;

-- Paths that come more than once, with what comes next, and the last of them.
CREATE OR REPLACE TEMP TABLE rewritten AS
SELECT
  image,
  place,
  lead(place) OVER following AS next_place,
  lead(kind) OVER following AS next_kind,
  lead(hash0) OVER following AS next_hash0,
  lead(hash1) OVER following AS next_hash1
FROM placed
SEMI JOIN (
  SELECT image, path FROM placed WHERE kind < 8 GROUP BY image, path HAVING count(*) > 1
) AS several USING (image, path)
WHERE kind < 8
WINDOW following AS (PARTITION BY image, path ORDER BY place);

-- `removed`: a higher layer takes it away. `replaced`: something of its path comes after it.
CREATE OR REPLACE TEMP TABLE fates AS
SELECT
  placed.*,
  coalesce(hidden_directories.hidden_by > position, FALSE)
    OR coalesce(hidden_paths.hidden_by > position, FALSE) AS removed,
  rewritten.next_place IS NOT NULL AS replaced,
  coalesce(
    rewritten.next_kind = 0 AND rewritten.next_hash0 = placed.hash0
      AND rewritten.next_hash1 = placed.hash1,
    FALSE
  ) AS same_content
FROM placed
LEFT JOIN hidden_directories
  ON hidden_directories.image = placed.image AND hidden_directories.directory = placed.directory
LEFT JOIN hidden_paths ON hidden_paths.image = placed.image AND hidden_paths.path = placed.path
LEFT JOIN rewritten ON rewritten.image = placed.image AND rewritten.place = placed.place
WHERE kind < 8 AND kind <> 1;

-- Directories are entries of their path as well: one that replaces a file stands at the path.
CREATE OR REPLACE TEMP TABLE last_places AS
SELECT placed.image, placed.path, max(placed.place) AS place
FROM placed
LEFT JOIN hidden_directories
  ON hidden_directories.image = placed.image AND hidden_directories.directory = placed.directory
LEFT JOIN hidden_paths ON hidden_paths.image = placed.image AND hidden_paths.path = placed.path
WHERE kind < 8
  AND NOT coalesce(hidden_directories.hidden_by > position, FALSE)
  AND NOT coalesce(hidden_paths.hidden_by > position, FALSE)
GROUP BY placed.image, placed.path;

-- A file that lost its own name is still seen under a hard link of its layer that has not.
CREATE OR REPLACE TEMP TABLE seen_as_links AS
SELECT DISTINCT image, layer, target AS entry
FROM fates
WHERE kind = 3 AND target IS NOT NULL AND NOT removed AND NOT replaced;

CREATE OR REPLACE TEMP TABLE file_fates AS
SELECT
  fates.image,
  fates.layer,
  fates.path,
  fates.size,
  same_content,
  (NOT removed AND NOT replaced) OR seen_as_links.entry IS NOT NULL AS visible,
  last_places.place IS NULL AS gone
FROM fates
LEFT JOIN seen_as_links
  ON fates.linked AND seen_as_links.image = fates.image AND seen_as_links.layer = fates.layer
    AND seen_as_links.entry = fates.entry
LEFT JOIN last_places ON last_places.image = fates.image AND last_places.path = fates.path
WHERE fates.kind = 0;

INSERT INTO image_waste
WITH
sums AS (
  SELECT
    image,
    sum(size) AS bytes,
    sum(size) FILTER (visible) AS visible_bytes,
    sum(size) FILTER (NOT visible AND same_content) AS metadata_only_bytes,
    sum(size) FILTER (NOT visible AND gone) AS deleted_bytes
  FROM file_fates
  GROUP BY image
),
-- dive's formula: the smallest size of each path over all sizes of it. What a higher layer takes away
-- has size 0 there, each file of a directory that goes too. dive has that for a file of its own; the
-- files below a deleted directory it adds once more above and below the line, as if all were well.
paths AS (
  SELECT image, path, sum(size) AS sizes, CASE WHEN bool_or(removed) THEN 0 ELSE min(size) END AS smallest
  FROM fates
  GROUP BY image, path
),
scores AS (
  SELECT image, sum(smallest) AS smallest, sum(sizes) AS sizes FROM paths GROUP BY image
),
kept AS (
  SELECT
    image,
    sum(coalesce(stored_size, archive_size)) FILTER (held_by = 1) AS unique_bytes,
    sum(coalesce(stored_size, archive_size)) FILTER (held_by > 1) AS shared_bytes
  FROM stack JOIN chosen USING (layer)
  GROUP BY image
)
SELECT
  batch.image,
  coalesce(bytes, 0)::BIGINT,
  coalesce(visible_bytes, 0)::BIGINT,
  coalesce(metadata_only_bytes, 0)::BIGINT,
  coalesce(deleted_bytes, 0)::BIGINT,
  CASE WHEN sizes > 0 THEN smallest / sizes ELSE 1 END,
  coalesce(unique_bytes, 0)::BIGINT,
  coalesce(shared_bytes, 0)::BIGINT
FROM batch
LEFT JOIN sums USING (image)
LEFT JOIN scores USING (image)
LEFT JOIN kept USING (image);

-- Of each image the paths that waste most, with how many copies of a path it ships in vain.
INSERT INTO wasted_paths
SELECT image, path, sum(size)::BIGINT AS bytes, count(*) AS copies, bool_and(gone) AS gone
FROM file_fates
WHERE NOT visible AND size > 0
GROUP BY image, path
QUALIFY row_number() OVER (PARTITION BY image ORDER BY sum(size) DESC, path) <= 5;

-- The largest so far: files that were replaced, files that are gone. Images by name: the order in which
-- they are listed differs by source.
INSERT INTO offenders
SELECT * FROM (
  SELECT 'rewrite' AS what, min(images.name) AS image, layer, path, max(size) AS size
  FROM file_fates JOIN chosen USING (layer) JOIN images USING (image)
  WHERE NOT visible AND NOT gone AND size > 0
  GROUP BY layer, rank, path
  ORDER BY size DESC, path, rank
  LIMIT 20
)
UNION ALL
SELECT * FROM (
  SELECT 'deleted', min(images.name), layer, path, max(size) AS size
  FROM file_fates JOIN chosen USING (layer) JOIN images USING (image)
  WHERE NOT visible AND gone AND size > 0
  GROUP BY layer, rank, path
  ORDER BY size DESC, path, rank
  LIMIT 20
);
