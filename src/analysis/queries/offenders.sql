-- The 20 largest of each kind, each once; `image` is one that has it.
WITH ordered AS (
  SELECT what, min(image) AS image, rank, path, max(size) AS size
  FROM offenders JOIN chosen USING (layer)
  GROUP BY what, rank, path
  QUALIFY row_number() OVER (PARTITION BY what ORDER BY max(size) DESC, path, rank) <= 20
)
SELECT what, coalesce(images.name, '') AS image, chosen.id AS layer, path, size
FROM ordered
JOIN chosen USING (rank)
LEFT JOIN images ON images.image = ordered.image
ORDER BY what, size DESC, path, rank;
