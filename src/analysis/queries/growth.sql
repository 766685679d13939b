-- needs: layer_contents, layer_shares, orders
-- makes: first_samples, rows
-- Deduplication against the number of layers, for random orders of them: the table `orders` has for
-- each layer the smallest sample that it belongs to, one column for each order (run1, run2 ...). A
-- content counts from the first sample on that has it, so one pass over the repeated ones does for all.
CREATE OR REPLACE TABLE first_samples AS
SELECT content, any_value(size) AS size, min(COLUMNS('^run[0-9]+$')) AS '\0'
FROM layer_contents JOIN orders USING (layer)
GROUP BY content;

WITH
repeated_contents AS (
  SELECT run, sample, count(*) AS files, sum(size) AS bytes
  FROM (UNPIVOT first_samples ON COLUMNS('^run[0-9]+$') INTO NAME run VALUE sample)
  GROUP BY run, sample
),
layer_sums AS (
  SELECT
    run,
    sample,
    sum(files) AS files,
    sum(bytes) AS bytes,
    sum(single_files) AS single_files,
    sum(single_bytes) AS single_bytes
  FROM layer_shares
  JOIN (UNPIVOT orders ON COLUMNS('^run[0-9]+$') INTO NAME run VALUE sample) USING (layer)
  GROUP BY run, sample
)
SELECT
  run,
  sample,
  layer_sums.files::BIGINT AS files,
  layer_sums.bytes::BIGINT AS bytes,
  (single_files + coalesce(repeated_contents.files, 0))::BIGINT AS distinct_files,
  (single_bytes + coalesce(repeated_contents.bytes, 0))::BIGINT AS distinct_bytes
FROM layer_sums LEFT JOIN repeated_contents USING (run, sample)
ORDER BY run, sample;
