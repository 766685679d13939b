-- needs: chunks, chosen
-- makes: rows
-- Deduplication of parts of files, by the way they were cut, over layers that differ in content.
SELECT
  method,
  sum(copies * size)::BIGINT AS bytes,
  sum(size)::BIGINT AS distinct_bytes,
  sum(copies)::BIGINT AS chunks,
  count(*) AS distinct_chunks
FROM (
  SELECT method, sum(copies) AS copies, max(size) AS size
  FROM chunks SEMI JOIN chosen USING (layer)
  GROUP BY method, hash0, hash1
)
GROUP BY method
ORDER BY method;
