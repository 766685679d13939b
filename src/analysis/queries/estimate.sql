-- What the estimate of Stowage's space is made of (metrics/estimate.ts): blobs as they are stored,
-- and files by their content, in the bits that they take in their layers.
SELECT
  -- Of a layer that is known under a stored size and without one, only the former is a blob.
  (
    SELECT coalesce(sum(stored_size), 0)::BIGINT
    FROM (SELECT any_value(stored_size) AS stored_size FROM layers GROUP BY digest)
  ) AS stored,
  (SELECT count(*) FROM images) AS images,
  coalesce((SELECT sum(packed_size / copies) FROM contents), 0) AS distinct_packed,
  coalesce((SELECT sum(packed_size - packed_size / copies) FROM contents), 0) AS repeated_packed,
  (SELECT count(*) FROM contents WHERE size > 0) AS contents,
  coalesce((SELECT sum(entries)::BIGINT FROM chosen JOIN layers USING (layer)), 0) AS entries;
