-- needs: layers, images, chosen, packing(), contents
-- makes: rows
-- What the estimate of Stowage's space is made of (metrics/estimate.ts): blobs as they are stored,
-- and files of layers that are taken apart by their content, in the bits that they take there.
WITH
-- Of a layer that is known under a stored size and without one, only the former is a blob.
blobs AS (
  SELECT
    any_value(stored_size) AS stored_size,
    packing(any_value(compression), any_value(coalesce(stored_size, archive_size))) = 0 AS is_intact
  FROM layers
  GROUP BY digest
)
SELECT
  (SELECT coalesce(sum(stored_size), 0)::BIGINT FROM blobs) AS stored,
  (SELECT coalesce(sum(stored_size), 0)::BIGINT FROM blobs WHERE is_intact) AS intact,
  (SELECT count(*) FROM layers) AS layers,
  (SELECT count(*) FROM images) AS images,
  coalesce((SELECT sum(packed_size / packed_copies) FROM contents WHERE packed_copies > 0), 0)
    AS distinct_packed,
  coalesce(
    (SELECT sum(packed_size - packed_size / packed_copies) FROM contents WHERE packed_copies > 0), 0
  ) AS repeated_packed,
  (SELECT count(*) FROM contents WHERE size > 0 AND packed_copies > 0) AS contents,
  coalesce(
    (SELECT sum(entries)::BIGINT FROM chosen JOIN layers USING (layer) WHERE packing > 0), 0
  ) AS entries;
