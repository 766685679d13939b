-- What the estimate of Stowage's space is made of (metrics/estimate.ts): blobs as they are stored,
-- and files by their content, in the bits that they take in their layers.
WITH
blobs AS (
  SELECT any_value(stored_size) AS stored_size FROM layers GROUP BY digest
)
SELECT
  (SELECT coalesce(sum(stored_size), 0)::BIGINT FROM blobs) AS stored,
  (SELECT count(*) FROM blobs WHERE stored_size IS NULL) AS unknown,
  (SELECT count(*) FROM blobs) AS blobs,
  (SELECT count(*) FROM images) AS images,
  coalesce((SELECT sum(packed_size / copies) FROM contents), 0) AS distinct_packed,
  coalesce((SELECT sum(packed_size - packed_size / copies) FROM contents), 0) AS repeated_packed,
  (SELECT count(*) FROM contents WHERE size > 0) AS contents,
  coalesce((SELECT sum(copies)::BIGINT FROM contents WHERE size > 0), 0) AS files,
  coalesce((SELECT sum(entries)::BIGINT FROM chosen JOIN layers USING (layer)), 0) AS entries;
