-- needs: chosen, offenders
-- makes: rows
-- The 20 largest of each kind, each once; `image` is the first by name of those that have it.
WITH ordered AS (
  SELECT what, min(image) AS image, rank, path, max(size) AS size
  FROM offenders JOIN chosen USING (layer)
  GROUP BY what, rank, path
  QUALIFY row_number() OVER (PARTITION BY what ORDER BY max(size) DESC, path, rank) <= 20
)
SELECT what, coalesce(ordered.image, '') AS image, chosen.id AS layer, path, size
FROM ordered
JOIN chosen USING (rank)
ORDER BY what, size DESC, path, rank;
