-- needs: entries, images, chosen, holds
-- makes: +offenders
-- The 20 largest files of all layers, each with the smallest name of an image that has it.
INSERT INTO offenders
WITH largest AS (
  SELECT entries.layer, path, size, rank
  FROM entries JOIN chosen ON chosen.layer = entries.layer
  WHERE kind = 0 AND size > 0
  ORDER BY size DESC, path, rank
  LIMIT 20
),
names AS (
  SELECT holds.layer, min(images.name) AS name
  FROM holds JOIN images USING (image)
  WHERE holds.layer IN (SELECT layer FROM largest)
  GROUP BY holds.layer
)
SELECT 'file', names.name, largest.layer, path, size
FROM largest LEFT JOIN names ON names.layer = largest.layer;
